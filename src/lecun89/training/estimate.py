"""How long a training will take, from a short measurement of its own steps."""

from dataclasses import dataclass
from functools import partial

from lecun89.bench.cost import time_steps
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.settings import Settings, engine_of

_SECONDS = 0.3  # of steps, more or less


@dataclass(frozen=True)
class Estimate:
    """A projection.

    Attributes:
        measured_steps: steps that were timed, after warming up.
        seconds_per_step: of them.
        seconds_per_evaluation: of the train and the test split together.
        seconds: of the whole training, evaluations included.
    """

    measured_steps: int
    seconds_per_step: float
    seconds_per_evaluation: float
    seconds: float


def estimate(
    settings: Settings, splits: dict[str, Digits], most_threads: int | None = None
) -> Estimate:
    """Time some steps, the beginning of a pass and one evaluation of a training.

    Args:
        settings: of the training.
        splits: the digits of ``train`` and ``test``.
        most_threads: see `lecun89.settings.threads_of`.
    """
    engine = engine_of([settings], splits, most_threads)
    begin = partial(engine.begin_pass, 1, [settings.lr_at(1)])
    cost = time_steps(
        engine.run_steps, engine.steps_per_pass, begin, settings.device, _SECONDS, least=1
    )
    watch = Stopwatch(settings.device)
    watch.start()
    if engine.steps_per_pass > 1:  # a single step was timed with it
        begin()
    beginning = watch.stop()
    watch.start()
    for split in ("train", "test"):
        engine.scores(split)
    evaluation = watch.stop()
    per_pass = beginning + engine.steps_per_pass * cost.seconds_per_step + evaluation
    return Estimate(cost.steps, cost.seconds_per_step, evaluation, settings.passes * per_pass)
