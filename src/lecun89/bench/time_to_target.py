"""Time to a target error: every seed of a fixed recipe, and a test of their mean."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lecun89.analysis.statistics import below_p
from lecun89.bench.configurations import Configuration, Recipe
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import Engine
from lecun89.settings import engine_of


@dataclass(frozen=True)
class TimeToTarget:
    """Seeds of one recipe.

    Attributes:
        seconds: of training, for each seed: all passes with what they draw, no evaluation.
        setup_seconds: of making each engine, which is not part of `seconds`.
        errors: on the test split after the last pass, in percent, for each seed.
        target: the error to reach, in percent.
    """

    seconds: list[float]
    setup_seconds: list[float]
    errors: list[float]
    target: float

    @property
    def mean_error(self) -> float:
        """Mean over seeds, in percent."""
        return statistics.fmean(self.errors)

    @property
    def p_value(self) -> float:
        """Of a one-sided t-test that the mean error is below the target; 1 for a single seed."""
        return below_p(self.errors, self.target)

    @property
    def reached(self) -> bool:
        """Whether the mean is at or below the target beyond chance: p below 0.05."""
        return self.p_value < 0.05


def measure_time_to_target(
    configuration: Configuration,
    recipe: Recipe,
    splits: dict[str, Digits],
    seeds: Sequence[int],
    target: float,
    make: Callable[..., Engine] = engine_of,
) -> TimeToTarget:
    """Train each seed to its end; no best-of, every run counts.

    Args:
        configuration: how to train.
        recipe: fixed length and schedule.
        splits: digits of ``train`` and ``test``.
        seeds: the seeds, in order.
        target: the error to reach, in percent.
        make: makes the engines.
    """
    watch = Stopwatch(configuration.device)
    result = TimeToTarget([], [], [], target)
    trainings = [
        configuration.settings(recipe.variant, "1989", seed, recipe.passes, recipe.lr)
        for seed in seeds
    ]
    warm_up = make(trainings[:1], {name: _mislabelled(digits) for name, digits in splits.items()})
    warm_up.begin_pass(1, [trainings[0].lr])
    warm_up.run_steps(0, min(20, warm_up.steps_per_pass))
    for settings in trainings:
        watch.start()
        engine = make([settings], splits)
        result.setup_seconds.append(watch.stop())
        watch.start()
        for number in range(1, settings.passes + 1):
            engine.begin_pass(number, [settings.lr_at(number)])
            engine.run_steps(0, engine.steps_per_pass)
            engine.end_pass()
        result.seconds.append(watch.stop())
        (score,) = engine.scores("test")
        result.errors.append(score.error_percent)
    return result


def _mislabelled(digits: Digits) -> Digits:
    """The same images with labels that teach nothing about them."""
    return replace(digits, labels=(digits.labels + 1) % 10)
