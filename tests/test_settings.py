import itertools
from collections.abc import Callable

import pytest

from lecun89.exceptions import UsageError
from lecun89.settings import Settings, resolve


def test_learning_rate_falls_on_a_line_from_the_first_pass_to_the_last(
    settings: Callable[..., Settings],
) -> None:
    of = settings(variant="adamw", lr=3e-4, passes=46)
    rates = [of.lr_at(number) for number in range(1, 47)]
    assert rates[0] == 3e-4
    assert rates[-1] == pytest.approx(1e-4)
    steps = [after - before for before, after in itertools.pairwise(rates)]
    assert steps == pytest.approx([-2e-4 / 45] * 45)
    assert settings(variant="adamw", lr=3e-4, passes=1).lr_at(1) == 3e-4
    assert {settings(passes=23).lr_at(number) for number in range(1, 24)} == {0.03}


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(1, 7291), (2, 3646), (7291, 1), (7290, 2), (10_000, 1), (None, 1)]
)
def test_a_last_partial_batch_is_a_step(
    batch_size: int | None, steps: int, settings: Callable[..., Settings]
) -> None:
    assert settings(batch_size=batch_size).steps_per_pass == steps


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("variant", "bas"),
        ("data", "2022"),
        ("device", "tpu"),
        ("seed", -1),
        ("seed", 2**32),
        ("passes", 0),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", 1e-60),
        ("lr", 1e60),
        ("batch_size", 0),
        ("threads", 0),
    ],
)
def test_a_useless_value_is_refused_by_name(
    name: str, value: object, settings: Callable[..., Settings]
) -> None:
    with pytest.raises(UsageError, match=name.replace("_", "-")):
        settings(**{name: value})


def test_batch_size_is_a_number_or_full() -> None:
    assert resolve(batch_size="full").batch_size is None
    assert resolve(batch_size="64").batch_size == resolve(batch_size=64).batch_size == 64
    with pytest.raises(UsageError, match="'ful'"):
        resolve(batch_size="ful")


def test_every_value_has_its_origin() -> None:
    found = resolve("modern", lr=1e-3, assumptions=["dropout=0.1"], origins={"lr": "argument"})
    assert found.variant == "modern+dropout=0.1"
    assert found.trained.dropout == 0.1
    assert {name: entry["origin"] for name, entry in found.as_record().items()} == {
        **dict.fromkeys(("variant", "data", "seed", "threads"), "default"),
        **dict.fromkeys(("passes", "batch_size"), "variant"),
        "lr": "argument",
        "device": found.origins["device"],
        "engine": found.origins["engine"],
    }
    assert found.origins["device"].startswith("chosen: ")
    assert found == resolve("modern+dropout=0.1", lr=1e-3)  # wherever its values came from
    assert Settings.from_record(found.as_record()).origins == found.origins


def test_one_cycle_rises_for_a_tenth_and_ends_near_0(settings: Callable[..., Settings]) -> None:
    of = settings(variant="record", lr=3e-3, passes=100)
    rates = [of.lr_at(number) for number in range(1, 101)]
    assert max(rates) == rates[10] == pytest.approx(3e-3, rel=1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] == pytest.approx(3e-3 * 0.145)
    assert 0 < rates[-1] < 1e-6
    assert settings(variant="record", lr=3e-3, passes=1).lr_at(1) > 1e-3
