"""Time to an error: every seed of a fixed recipe, and a test of their mean."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lecun89.analysis.statistics import student_below
from lecun89.bench.ways import Recipe, Way
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import Engine, make_engine


@dataclass(frozen=True)
class Race:
    """Seeds of one recipe.

    Attributes:
        seconds: of training, for each seed: all passes with what they draw, no evaluation.
        setup_seconds: of making each engine, which is not timed with it.
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
        """Of a one-sided t-test: how often such a mean is seen where the true one is the target.

        1 for a single seed, and whenever the mean is above the target by any amount.
        """
        n = len(self.errors)
        if n < 2 or self.mean_error > self.target:
            return 1.0
        deviation = statistics.stdev(self.errors)
        if deviation == 0:
            return 0.0
        return student_below((self.mean_error - self.target) / (deviation / math.sqrt(n)), n - 1)

    @property
    def reached(self) -> bool:
        """Whether the mean is at or below the target beyond chance: p below 0.05."""
        return self.p_value < 0.05


def run_race(
    way: Way,
    recipe: Recipe,
    splits: dict[str, Digits],
    seeds: Sequence[int],
    make: Callable[..., Engine] = make_engine,
) -> Iterator[tuple[float, float, float]]:
    """Train each seed to its end; no best-of, every run counts.

    Args:
        way: how to train.
        recipe: fixed length and schedule.
        splits: digits of ``train`` and ``test``.
        seeds: the seeds, in order.
        make: makes the engines.

    Yields:
        Seconds of training, seconds of making the engine, and the test error in percent.
    """
    warm_up = {split: _with_other_labels(digits) for split, digits in splits.items()}
    for index, seed in enumerate(seeds):
        settings = way.settings(recipe.variant, "1989", seed, recipe.passes, recipe.lr)
        if index == 0:
            engine = make(settings, warm_up)
            engine.begin_pass(1, settings.lr)
            engine.run_steps(0, min(20, engine.steps_per_pass))
        watch = Stopwatch(way.device)
        watch.start()
        engine = make(settings, splits)
        setup = watch.stop()
        watch.start()
        for number in range(1, settings.passes + 1):
            engine.begin_pass(number, settings.lr_at(number))
            engine.run_steps(0, engine.steps_per_pass)
            engine.end_pass()
        seconds = watch.stop()
        yield seconds, setup, engine.score("test").error_percent


def _with_other_labels(digits: Digits) -> Digits:
    """The same images with labels that teach nothing about them."""
    labels = (digits.labels + 1) % 10
    return Digits(
        digits.data, digits.split, digits.images, labels, digits.source_index, digits.sha256
    )
