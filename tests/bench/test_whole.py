from collections.abc import Callable
from typing import Any

import pytest

from lecun89.bench.whole import measure_whole_training
from tests.bench.conftest import Clock, FakeEngine


def test_a_short_training_is_timed_whole(clock: Clock, maker: Callable[..., Any]) -> None:
    engines: list[FakeEngine] = []
    make = maker(setup=5.0, step=4e-6, steps_per_pass=7291, evaluation=3.0)

    def kept(*args: Any) -> FakeEngine:
        engines.append(make(*args))
        return engines[-1]

    whole = measure_whole_training({}, make=kept)
    # Neither making the engine nor evaluating is counted.
    assert whole.seconds == pytest.approx(23 * 7291 * 4e-6)
    assert (whole.steps, whole.of_steps, whole.projected) == (167_693, 167_693, False)
    assert engines[-1].passes == list(range(1, 24))
    assert engines[-1].ran == [(0, 7291)] * 23
    assert whole.test is not None
    column = whole.as_column()
    assert column.test_error_percent == pytest.approx(3.0)
    assert column.training_seconds == whole.seconds
    assert not column.projected


def test_a_long_training_is_projected_from_some_steps(
    clock: Clock, maker: Callable[..., Any]
) -> None:
    whole = measure_whole_training({}, make=maker(step=1e-3, steps_per_pass=7291))
    assert whole.seconds == pytest.approx(167.693)
    assert whole.projected
    assert 2000 < whole.steps < 4000
    assert clock.now < 5.0
    column = whole.as_column()
    assert column.projected
    assert column.test_error_percent is None
