"""The whole training of `base`, timed; or projected from some of its steps where it takes long."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from lecun89.analysis.scores import Score
from lecun89.analysis.thennow import Column
from lecun89.bench.cost import time_steps
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import Engine
from lecun89.settings import Settings, engine_of, machine_of, resolve

LONGEST = 10.0  # seconds of a training that is not projected
_TRIAL, _PART = 0.2, 3.0  # seconds of steps: to choose with, and to project from


@dataclass(frozen=True)
class WholeTraining:
    """What was measured.

    Attributes:
        settings: of the training.
        seconds: of all its steps, without evaluation.
        steps: that were timed.
        of_steps: that there are; where fewer were timed, the seconds are projected.
        test: of the trained network; None where the seconds are projected.
    """

    settings: Settings
    seconds: float
    steps: int
    of_steps: int
    test: Score | None

    @property
    def projected(self) -> bool:
        """Whether fewer steps were timed than there are."""
        return self.steps < self.of_steps

    def as_document(self) -> dict[str, Any]:
        """How it was measured, for JSON."""
        of = self.settings
        return {
            "variant": of.variant,
            "data": of.data,
            "seed": of.seed,
            "engine": of.engine,
            "device": of.device,
            "steps": self.steps,
            "of_steps": self.of_steps,
        }

    def as_column(self) -> Column:
        """It as a column beside 1989, of the year of this machine's clock."""
        of = self.settings
        machine = machine_of(of)
        on_cpu = of.device == "cpu"
        return Column(
            name="this machine",
            source=f"measured: {of.variant} on {of.data}, {of.engine} engine",
            year=date.today().year,
            machine=machine["cpu"] if on_cpu else machine["gpu"],
            price_class="one CPU core" if on_cpu else "a GPU",
            passes=of.passes,
            training_seconds=self.seconds,
            projected=self.projected,
            test_error_percent=None if self.test is None else self.test.error_percent,
        )


def measure_whole_training(
    splits: dict[str, Digits],
    longest: float = LONGEST,
    make: Callable[..., Engine] = engine_of,
) -> WholeTraining:
    """Train `base` on `1989` with the fastest engine that works here.

    Args:
        splits: digits of ``train`` and ``test``.
        longest: seconds of a training that is done whole.
        make: makes the engines.
    """
    settings = resolve("base", "1989", threads=1)
    engine = make([settings], splits)
    per_pass = engine.steps_per_pass
    steps = settings.passes * per_pass
    begin = partial(engine.begin_pass, 1, [settings.lr_at(1)])
    time_some = partial(time_steps, engine.run_steps, per_pass, begin, settings.device, least=1)
    if steps * time_some(_TRIAL).seconds_per_step > longest:
        cost = time_some(_PART)
        return WholeTraining(settings, steps * cost.seconds_per_step, cost.steps, steps, None)
    engine = make([settings], splits)
    watch = Stopwatch(settings.device)
    watch.start()
    for number in range(1, settings.passes + 1):
        engine.begin_pass(number, [settings.lr_at(number)])
        engine.run_steps(0, per_pass)
        engine.end_pass()
    seconds = watch.stop()
    (score,) = engine.scores("test")
    return WholeTraining(settings, seconds, steps, steps, score)
