from collections.abc import Callable

import numpy as np
import pytest

from lecun89.data import Digits
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings
from lecun89.training.loop import Position
from tests.alone import fit, make_engine


def test_each_pass_yields_its_result(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant="adamw", batch_size=256, passes=3, lr=3e-3)
    engine = make_engine(of, splits)
    positions: list[Position] = []
    results = list(fit(engine, of, on_slice=positions.append))
    assert [result.number for result in results] == [1, 2, 3]
    assert [result.lr for result in results] == pytest.approx([3e-3, 2e-3, 1e-3])
    assert all(result.seconds > 0 for result in results)
    losses = [result.test.loss for result in results]
    assert losses == sorted(losses, reverse=True)
    assert results[-1].train.total == 7291
    assert results[-1].test.total == 2007
    # Slices cover every step once, in order, the last partial batch among them.
    assert engine.steps_per_pass == 29
    ends = {position.passes for position in positions if position.step == 29}
    assert ends == {0, 1, 2}


def test_a_training_prints_nothing(
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
    capfd: pytest.CaptureFixture[str],
) -> None:
    of = settings(batch_size=None, passes=1)
    list(fit(make_engine(of, splits), of))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("variant", ["base", "modern"])
def test_a_handful_of_digits_is_learned_by_heart(
    variant: str, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    digits = splits["train"]
    few = Digits("1989", "train", digits.images[:8], digits.labels[:8], digits.source_index[:8], "")
    engine = make_engine(settings(variant=variant, batch_size=8), {"train": few, "test": few})
    before = engine.score("train")
    for _ in range(300):
        engine.begin_pass(1, 0.3 if variant == "base" else 3e-3)
        engine.run_steps(0, 1)
        engine.end_pass()
    after = engine.score("train")
    assert before.misses > 0
    assert after.misses == 0
    assert after.loss < 0.1 * before.loss


def test_a_loss_that_is_not_finite_stops_at_the_next_check(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant="xent", lr=1e38, batch_size=64)
    engine = make_engine(of, splits)
    seen: list[Position] = []
    with pytest.raises(DivergedError, match=r"pass 1: .* lower --lr, which was 1e\+38"):
        list(fit(engine, of, on_slice=seen.append))
    assert seen == []  # so that nothing of it was saved


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    def losses(seed: int) -> list[float]:
        of = settings(variant="modern", seed=seed, batch_size=128, passes=1)
        return [result.test.loss for result in fit(make_engine(of, splits), of)]

    assert losses(1) == losses(1) != losses(2)


def test_going_on_within_a_pass_gives_the_same_bits(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant="modern", lr=3e-4, batch_size=256, passes=2)
    whole = make_engine(of, splits)
    saved = []

    def save(position: Position) -> None:
        saved.append((whole.state(), position))

    expected = [(result.train, result.test) for result in fit(whole, of, on_slice=save)]
    assert len(saved) > 4
    for state, position in (saved[2], saved[len(saved) // 2], saved[-1]):
        resumed = make_engine(of, splits)
        resumed.load_state(state)
        found = [(result.train, result.test) for result in fit(resumed, of, position)]
        assert found == expected[position.passes :]
        final, right = resumed.state(), whole.state()
        assert final.keys() == right.keys()
        assert all(np.array_equal(final[name], right[name]) for name in right)
