from collections.abc import Callable

import pytest

from lecun89.settings import Settings
from lecun89.training.estimate import estimate
from tests.bench.conftest import Clock, FakeEngine
from tests.bench.conftest import clock as clock  # a fixture


@pytest.mark.parametrize(
    ("batch_size", "steps", "beginning"), [(1, 7291, 0.0), (64, 114, 0.1), (None, 1, 0.0)]
)
def test_a_training_is_its_beginnings_steps_and_evaluations(
    clock: Clock,
    settings: Callable[..., Settings],
    batch_size: int | None,
    steps: int,
    beginning: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = FakeEngine(clock, 0.01, steps, 0.5, beginning)
    of = settings(batch_size=batch_size, passes=23)
    monkeypatch.setattr("lecun89.training.estimate.engine_of", lambda *args: engine)
    found = estimate(of, {})
    assert found.seconds_per_step == pytest.approx(0.01)
    assert found.seconds_per_evaluation == pytest.approx(1.0)  # of both splits
    assert found.seconds == pytest.approx(23 * (beginning + steps * 0.01 + 1.0))
    assert found.measured_steps >= 1
    assert clock.now < 0.5 + 2 * 0.5 + 2.5 * beginning


def test_a_long_step_is_measured_once_after_a_first_one(
    clock: Clock, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine(clock, 20.0, 1, evaluation=0.5)
    monkeypatch.setattr("lecun89.training.estimate.engine_of", lambda *args: engine)
    found = estimate(settings(batch_size=None, passes=2), {})
    assert (found.measured_steps, len(engine.ran)) == (1, 2)
    assert found.seconds == pytest.approx(2 * 21)
