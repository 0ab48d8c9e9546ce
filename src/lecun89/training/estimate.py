"""How long a training will take, from a short measurement of its own steps."""

import time
from dataclasses import dataclass

from lecun89.data import Digits
from lecun89.devices import synchronize
from lecun89.settings import Settings
from lecun89.training.loop import engine_of

STEPS = 200
LEAST_SECONDS = 0.2
LIMIT_SECONDS = 5.0


@dataclass(frozen=True)
class Estimate:
    """A projection.

    Attributes:
        measured_steps: steps that were timed, after warming up.
        seconds_per_step: mean of them.
        seconds_per_evaluation: of the train and the test split together.
        seconds: of the whole training, evaluations included.
    """

    measured_steps: int
    seconds_per_step: float
    seconds_per_evaluation: float
    seconds: float


def estimate(settings: Settings, splits: dict[str, Digits]) -> Estimate:
    """Time 200 steps of a training, at least for 0.2 seconds and at most for 5.

    Args:
        settings: of the training.
        splits: the digits of ``train`` and ``test``.
    """
    engine = engine_of([settings], splits)
    engine.begin_pass(1, [settings.lr_at(1)])
    warmup = min(10, max(engine.steps_per_pass // 10, 1))
    engine.run_steps(0, warmup)
    synchronize(settings.device)
    # A GPU works while the next steps are sent, so it is waited for only now and then; and the
    # native engine's steps are shorter than the way to them.
    slice_steps = 20 if settings.engine == "native" or settings.device != "cpu" else 1
    measured, elapsed, began = 0, 0.0, time.perf_counter()
    while (measured < STEPS or elapsed < LEAST_SECONDS) and elapsed < LIMIT_SECONDS:
        step = (warmup + measured) % engine.steps_per_pass
        stop = min(step + slice_steps, engine.steps_per_pass)
        engine.run_steps(step, stop)
        synchronize(settings.device)
        measured += stop - step
        elapsed = time.perf_counter() - began
    began = time.perf_counter()
    engine.scores("train")
    engine.scores("test")
    per_evaluation = time.perf_counter() - began
    per_step = elapsed / measured
    per_pass = settings.steps_per_pass * per_step + per_evaluation
    return Estimate(measured, per_step, per_evaluation, settings.passes * per_pass)
