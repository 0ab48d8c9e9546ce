"""Training: a generator of one result per pass. It never prints and writes nothing."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from lecun89.analysis.scores import Score
from lecun89.engines import Engine, Networks, Steps
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings

Finite = TypeVar("Finite")

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
    settings: Settings,
    start: Position | None = None,
    on_slice: Callable[[Position], None] = lambda position: None,
) -> Iterator[PassResult]:
    """Train from `start` to the last pass.

    Args:
        engine: holding the state that belongs to `start`.
        settings: of the training.
        start: where to go on; from the beginning when left out.
        on_slice: called between slices; what it raises ends the training there.

    Yields:
        A result after each pass, when the engine holds the state to go on from.

    Raises:
        DivergedError: the loss or a weight is not finite.
    """
    position = start or Position()
    for number in range(position.passes + 1, settings.passes + 1):
        lr = settings.lr_at(number)
        engine.begin_pass(number, lr)
        for after, finite in _slices(engine, position):
            position = after
            if not finite:
                raise _diverged(number, position.step, engine.steps_per_pass, lr)
            on_slice(position)
        train, test = (
            engine.score(split, partial(on_slice, position)) for split in ("train", "test")
        )
        if not (math.isfinite(train.loss) and math.isfinite(test.loss)):
            raise _diverged(number, position.step, engine.steps_per_pass, lr)
        engine.end_pass()
        yield PassResult(number, lr, position.seconds, train, test)
        position = Position(number)


def fit_together(
    networks: Networks,
    trainings: Sequence[Settings],
    start: Position | None = None,
    on_slice: Callable[[Position], None] = lambda position: None,
) -> Iterator[list[PassResult | DivergedError]]:
    """Train networks side by side, as `fit` trains one; one that diverges leaves the others alone.

    Args:
        networks: holding the states that belong to `start`.
        trainings: settings of each, alike but for seed and learning rate.
        start: where to go on; from the beginning when left out.
        on_slice: called between slices; what it raises ends the training there.

    Yields:
        After each pass the result of each network, or how it diverged.
    """
    position = start or Position()
    diverged: dict[int, DivergedError] = {}
    for number in range(position.passes + 1, trainings[0].passes + 1):
        lrs = [settings.lr_at(number) for settings in trainings]

        def note_diverged(finite: Sequence[bool], step: int, number: int = number) -> None:
            for index, fine in enumerate(finite):
                if not fine and index not in diverged:
                    lr = trainings[index].lr_at(number)
                    diverged[index] = _diverged(number, step, networks.steps_per_pass, lr)

        networks.begin_pass(number, lrs)
        for after, finite in _slices(networks, position):
            position = after
            note_diverged(finite, position.step)
            on_slice(position)
        between = partial(on_slice, position)
        scores = [networks.scores(split, between) for split in ("train", "test")]
        note_diverged(
            [math.isfinite(train.loss + test.loss) for train, test in zip(*scores, strict=True)],
            networks.steps_per_pass,
        )
        networks.end_pass()
        yield [
            diverged.get(index) or PassResult(number, lrs[index], position.seconds, train, test)
            for index, (train, test) in enumerate(zip(*scores, strict=True))
        ]
        position = Position(number)


def _slices(engine: Steps[Finite], position: Position) -> Iterator[tuple[Position, Finite]]:
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
        f"pass {number}: the loss is not finite any more by step {step:,} of {steps:,}; "
        f"lower --lr, which was {lr:g}"
    )
