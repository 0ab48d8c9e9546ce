from collections.abc import Callable
from typing import Any

import pytest

from lecun89.bench.configurations import RECIPES, Configuration
from lecun89.bench.cost import Cost
from lecun89.bench.machine import Peak
from lecun89.bench.session import Plan, Session, measure_rows, train_rows
from lecun89.bench.time_to_target import TimeToTarget
from lecun89.exceptions import DeviceError, UsageError

STEP = 1e-3
NATIVE = Configuration("mini-batch 64", "cpu", "native", 64)
EAGER = Configuration("mini-batch 64", "cpu", "eager", 64)
FULL = Configuration("full batch", "cpu", "native", None)
OTHER = Configuration("mini-batch 1024", "cpu", "eager", 1024)
GPU = Configuration("full batch", "cuda:0", "eager", None)
OUT_OF_MEMORY = "CUDA error: out of memory"


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a millisecond, every training a second, and a GPU breaks."""

    def cost(of: Configuration, *arguments: object) -> Cost:
        if of.device != "cpu":
            raise RuntimeError(OUT_OF_MEMORY)
        return Cost([STEP], 1)

    def train(
        of: Configuration, recipe: object, splits: object, seeds: Any, target: float
    ) -> TimeToTarget:
        n = len(seeds)
        return TimeToTarget([1.0] * n, [0.1] * n, [3.5 + 0.01 * seed for seed in seeds], target)

    monkeypatch.setattr("lecun89.bench.session.measure_cost", cost)
    monkeypatch.setattr("lecun89.bench.session.measure_time_to_target", train)
    monkeypatch.setattr("lecun89.bench.session.measure_peak", lambda device: Peak(1e11, 1e10))
    machine = {"cpu": "A", "cores": 2, "load": 0.1}
    monkeypatch.setattr("lecun89.bench.session.describe", lambda trainings: machine)
    monkeypatch.setattr("lecun89.devices.set_up", lambda device, threads: None)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    """A session of some configurations."""

    def make(*found: Configuration, **changes: Any) -> Session:
        monkeypatch.setattr(
            "lecun89.bench.session.list_configurations", lambda device: (list(found), {})
        )
        values: dict[str, Any] = {"variant": "base", "until_error": 4.1, "seeds": [0, 1, 2]}
        return Session(Plan(**(values | changes)))

    return make


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant": "bas"}, "did you mean 'base'"),
        ({"until_error": 100.0}, "--until-error 100.0 is out of range"),
        ({"quick": True, "full": True}, "--quick and --full cannot be combined"),
    ],
)
def test_a_plan_that_cannot_be_measured_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Plan(**({"variant": "base", "until_error": 4.1, "seeds": [0]} | changes))


def test_a_session_measures_costs_and_trains_to_the_target(
    session: Callable[..., Session],
) -> None:
    told: list[str] = []
    document = session(NATIVE, OTHER).measure({}, told.append)
    mini, other = document["rows"]
    assert mini["us_per_step"] == 1e6 * STEP
    assert (mini["seconds_to_error"], mini["reached"], mini["projected"]) == (1.0, True, False)
    assert mini["race"]["target_percent"] == 4.1
    assert (other["recipe"], other["race"]) == (None, None)  # there is none for its batch size
    assert document["configuration"] == {
        "variant": "base",
        "data": "1989",
        "until_error": 4.1,
        "seeds": [0, 1, 2],
        "quick": False,
        "full": False,
    }
    assert told == [
        "measuring: mini-batch 64 on cpu, native",
        "measuring: mini-batch 1024 on cpu, eager",
        "training 3 seeds: mini-batch 64 on cpu, native",
    ]


def test_a_quick_session_trains_nothing(session: Callable[..., Session]) -> None:
    (row,) = session(NATIVE, quick=True).measure({})["rows"]
    assert (row["recipe"], row["race"], row["projected"]) == (None, None, False)


def test_what_does_not_fit_is_projected() -> None:
    rows, _ = measure_rows([NATIVE, EAGER, FULL], "base", {}, 1.0)
    # Ten seeds of 1,140 steps seem to fit 11.5 seconds, and take 10: the others do not fit then.
    (native, eager, full), _ = train_rows(rows, {}, range(10), 4.1, 11.5)
    assert native.to_target is not None
    assert (eager.to_target, full.to_target) == (None, None)
    assert eager.projected_seconds == pytest.approx(RECIPES[64].steps(64) * STEP)
    assert full.projected_seconds == pytest.approx(RECIPES[None].steps(None) * STEP)
    # Known from the same steps of the native engine, or not at all.
    assert eager.error == native.error
    assert full.error is None
    assert all(row.to_target for row in train_rows(rows, {}, range(10), 4.1, None)[0])


def test_what_breaks_is_told_and_the_others_are_measured(session: Callable[..., Session]) -> None:
    document = session(GPU, NATIVE, quick=True).measure({})
    assert [row["device"] for row in document["rows"]] == ["cpu"]
    assert document["absent"] == {"full batch on cuda:0, eager": OUT_OF_MEMORY}


def test_a_training_that_breaks_is_told_and_its_cost_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*arguments: object) -> None:
        raise RuntimeError(OUT_OF_MEMORY)

    monkeypatch.setattr("lecun89.bench.session.measure_time_to_target", breaks)
    rows, _ = measure_rows([NATIVE], "base", {}, 1.0)
    (row,), broken = train_rows(rows, {}, range(2), 4.1, None)
    assert (row.cost, row.to_target) == (rows[0].cost, None)
    assert broken == {"training, mini-batch 64 on cpu, native": OUT_OF_MEMORY}


def test_nothing_to_measure_is_an_error(session: Callable[..., Session]) -> None:
    with pytest.raises(DeviceError, match="nothing to measure on auto"):
        session()
    broken = session(NATIVE)
    broken.configurations = [GPU]
    with pytest.raises(DeviceError, match=f"full batch on cuda:0, eager: {OUT_OF_MEMORY}"):
        broken.measure({})


def test_another_result_is_refused_before_anything_is_measured(
    session: Callable[..., Session],
) -> None:
    now = session(NATIVE)
    then = now.measure({})
    now.check_comparable(then, any_machine=False)
    then["machine"] = then["machine"] | {"cpu": "Another"}
    with pytest.raises(UsageError, match="cpu Another, this one .* --any-machine"):
        now.check_comparable(then, any_machine=False)
    now.check_comparable(then, any_machine=True)
