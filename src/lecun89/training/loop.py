"""The training loop: a generator of results after each pass. It never prints or writes."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lecun89.analysis.scores import Score
from lecun89.devices import telling_out_of_memory
from lecun89.engines import Engine
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings

SLICE_SECONDS = 0.05
"""Steps run in slices of about this long; between two, a run can be saved or stopped."""


@dataclass(frozen=True)
class Position:
    """How far a training is.

    Attributes:
        passes: whole passes done.
        step: steps done of the pass after them.
        seconds: training time of those steps.
    """

    passes: int = 0
    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class PassResult:
    """One pass, evaluated.

    Attributes:
        number: the pass, counted from 1.
        lr: its learning rate.
        seconds: wall time of its steps, without the evaluation.
        train: score on the training split after it.
        test: score on the test split after it.
    """

    number: int
    lr: float
    seconds: float
    train: Score
    test: Score


def fit(
    engine: Engine,
    trainings: Sequence[Settings],
    start: Position | None = None,
    on_slice: Callable[[Position], None] = lambda position: None,
) -> Iterator[list[PassResult | DivergedError]]:
    """Train the networks of an engine from `start` to the last pass.

    One that diverges leaves the others alone; when all have, the training ends.

    Args:
        engine: holding the states that belong to `start`.
        trainings: settings of each network, alike but for seed and learning rate.
        start: where to go on; from the beginning when left out.
        on_slice: called between slices; what it raises ends the training there.

    Yields:
        After each pass the result of each network, or how it diverged. The engine holds the
        states to go on from.

    Raises:
        DeviceError: the device is out of memory.
    """
    with telling_out_of_memory(trainings[0].device):
        yield from _passes(engine, trainings, start or Position(), on_slice)


def _passes(
    engine: Engine,
    trainings: Sequence[Settings],
    position: Position,
    on_slice: Callable[[Position], None],
) -> Iterator[list[PassResult | DivergedError]]:
    diverged: dict[int, DivergedError] = {}

    def all_diverged(finite: Sequence[bool], number: int, step: int) -> bool:
        for index, fine in enumerate(finite):
            if not fine and index not in diverged:
                lr = trainings[index].lr_at(number)
                diverged[index] = _diverged(number, step, engine.steps_per_pass, lr)
        return len(diverged) == len(trainings)

    for number in range(position.passes + 1, trainings[0].passes + 1):
        lrs = [settings.lr_at(number) for settings in trainings]
        engine.begin_pass(number, lrs)
        for after, finite in _slices(engine, position):
            position = after
            if all_diverged(finite, number, position.step):
                yield [diverged[index] for index in range(len(trainings))]
                return
            on_slice(position)
        between = partial(on_slice, position)
        train, test = (engine.scores(split, between) for split in ("train", "test"))
        finite = [math.isfinite(a.loss + b.loss) for a, b in zip(train, test, strict=True)]
        ended = all_diverged(finite, number, position.step)
        engine.end_pass()
        yield [
            diverged.get(index) or PassResult(number, lrs[index], position.seconds, *scores)
            for index, scores in enumerate(zip(train, test, strict=True))
        ]
        if ended:
            return
        position = Position(number)


def _slices(engine: Engine, position: Position) -> Iterator[tuple[Position, Sequence[bool]]]:
    """Do the rest of a pass; after each slice, the position and what `is_finite` says."""
    slice_steps = 1
    while position.step < engine.steps_per_pass:
        stop = min(position.step + slice_steps, engine.steps_per_pass)
        began = time.perf_counter()
        engine.run_steps(position.step, stop)
        finite = engine.is_finite()
        seconds = time.perf_counter() - began
        slice_steps = _next_slice(stop - position.step, seconds)
        position = Position(position.passes, stop, position.seconds + seconds)
        yield position, finite


def _next_slice(steps: int, seconds: float) -> int:
    wanted = round(steps * SLICE_SECONDS / max(seconds, 1e-6))
    return min(max(wanted, 1), 2 * steps)


def _diverged(number: int, step: int, steps: int, lr: float) -> DivergedError:
    return DivergedError(
        f"pass {number}: the loss became non-finite by step {step:,} of {steps:,}; "
        f"lower --lr, which was {lr:g}"
    )
