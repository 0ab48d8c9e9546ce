from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lecun89.bench.configurations import Configuration, Recipe
from lecun89.bench.time_to_target import TimeToTarget, measure_time_to_target
from lecun89.data import Digits
from lecun89.settings import Settings, engine_of
from tests.bench.conftest import Clock

MINI = Configuration("mini-batch", "cpu", "eager", 1024)
RECIPE = Recipe("fast", 1e-2, 2)


def test_training_is_timed_and_setup_and_evaluation_are_not(
    clock: Clock, splits: dict[str, Digits], maker: Callable[..., Any]
) -> None:
    make = maker(setup=100.0, step=0.5, steps_per_pass=8, evaluation=1000.0)
    result = measure_time_to_target(MINI, RECIPE, splits, [4, 5], 4.1, make)
    assert result.seconds == [2 * 8 * 0.5] * 2
    assert result.setup_seconds == [100.0] * 2
    assert result.errors == [3.0] * 2
    assert result.target == 4.1


def test_every_seed_counts_and_the_warm_up_does_not(splits: dict[str, Digits]) -> None:
    made = []

    def make(trainings: Sequence[Settings], digits: dict[str, Digits]) -> Any:
        made.append((trainings[0].seed, int(digits["train"].labels[0])))
        return engine_of(trainings, digits)

    result = measure_time_to_target(MINI, Recipe("base", 0.03, 1), splits, [4, 5], 4.1, make)
    assert len(result.seconds) == len(result.errors) == 2
    assert all(0 < error < 100 for error in result.errors)
    label = int(splits["train"].labels[0])
    # The warm-up learns other labels, with an engine that is thrown away.
    assert made == [(4, (label + 1) % 10), (4, label), (5, label)]


@pytest.mark.parametrize(
    ("errors", "reached"),
    [
        ([3.6, 3.7, 3.5, 3.8, 3.6], True),
        ([4.2, 4.3, 4.2, 4.1, 4.2], False),
        ([4.0, 4.3, 3.8, 4.2, 4.0], False),
        ([3.0], False),
    ],
)
def test_the_target_is_reached_only_beyond_chance(errors: list[float], reached: bool) -> None:
    n = len(errors)
    assert TimeToTarget([1.0] * n, [0.0] * n, errors, 4.1).reached is reached
