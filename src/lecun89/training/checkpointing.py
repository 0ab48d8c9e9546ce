"""Train into runs: save as they go, stop when asked, resume from where they were."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from lecun89.engines import Engine, get_engine
from lecun89.exceptions import DivergedError, FileFormatError, InterruptedRunError
from lecun89.storage.tensorfile import Arrays
from lecun89.training.loop import SLICE_SECONDS, PassResult, Position, fit
from lecun89.training.runs import Run

SAVE_SECONDS = 1.0
"""Least time between two saves of passes: those of small networks are far shorter."""

_SAVE_SHARE = 0.1  # of the time, at most, goes into saving


@dataclass
class _Training:
    """A run while it is trained."""

    run: Run
    results: list[PassResult] = field(default_factory=list)
    unsaved: Arrays | None = None  # the state after the last of the results
    diverged: bool = False

    def __post_init__(self) -> None:
        self._metrics = self.run.metrics()

    def add(self, result: PassResult | DivergedError, state: Arrays) -> None:
        if isinstance(result, DivergedError):
            self.diverged = True
        else:
            self.results.append(result)
            self.unsaved = state

    def save_passes(self) -> None:
        if self.unsaved is not None:
            self.run.save_pass(self.results, self.unsaved, self._metrics)
            self.unsaved = None

    def save_state(self, state: Arrays, position: Position) -> None:
        self.run.save_state(self.results, state, position, self._metrics)


class _Clock:
    """When it is time to save again; the first pass of a run is saved at once."""

    def __init__(self, *, at_once: bool) -> None:
        self._saved = time.monotonic()
        self._pause = 0.0 if at_once else SAVE_SECONDS

    @property
    def since(self) -> float:
        return time.monotonic() - self._saved

    @property
    def due(self) -> bool:
        return self.since >= self._pause

    def save(self, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self._saved = time.monotonic()
        self._pause = max(SAVE_SECONDS, (self._saved - began) / _SAVE_SHARE)


def train(
    runs: Sequence[Run],
    engine: Engine,
    *,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Position], None] = lambda position: None,
) -> Iterator[list[PassResult | DivergedError]]:
    """Train runs in step, from their last saved states to their ends.

    States are saved after a pass, though at most once a second and for at most a tenth of the
    time; within a pass every `checkpoint_seconds`; when a signal asks to stop; and whatever ends
    the training. Of a network that diverges the last finite state is kept.

    Args:
        runs: alike but for seed and learning rate, and equally far.
        engine: a fresh engine of their settings.
        checkpoint_seconds: between two saves within a pass.
        stop_signal: the signal that asks to stop, if any; asked every 50 ms of training.
        on_progress: told the position as often.

    Yields:
        After each pass, for each run its result or how it diverged.

    Raises:
        InterruptedRunError: a signal asked to stop, and the states are saved.
        FileFormatError: a saved state is damaged or not of its run.
        Lecun89Error: another process is training one of the runs.
    """
    with ExitStack() as stack:
        _allow_open_files(len(runs) + 256)
        for run in runs:
            stack.enter_context(run.lock())
        group = [_Training(run) for run in runs]
        position = _restore(group, engine)
        clock, shown = _Clock(at_once=position.passes == 0), 0.0

        def save_passes() -> None:
            for one in group:
                one.save_passes()

        def save_states(position: Position) -> None:
            save_passes()
            for one, state, finite in zip(group, engine.states(), engine.is_finite(), strict=True):
                if finite and not one.diverged:
                    one.save_state(state, position)

        def after_slice(position: Position) -> None:
            nonlocal shown
            if time.monotonic() - shown >= SLICE_SECONDS:  # an evaluation asks more often
                shown = time.monotonic()
                on_progress(position)
            signum = stop_signal()
            if signum is not None or clock.since >= checkpoint_seconds:
                clock.save(lambda: save_states(position))
            if signum is not None:
                done = f"step {position.step:,} of {engine.steps_per_pass:,}"
                raise InterruptedRunError(
                    signum, f"interrupted in pass {position.passes + 1} after {done}"
                )

        try:
            if (signum := stop_signal()) is not None:
                raise InterruptedRunError(signum, "interrupted before it began")
            trainings = [run.settings for run in runs]
            for outcomes in fit(engine, trainings, position, after_slice):
                for one, outcome, state in zip(group, outcomes, engine.states(), strict=True):
                    one.add(outcome, state)
                if clock.due:
                    clock.save(save_passes)
                yield outcomes
                if (signum := stop_signal()) is not None:
                    number = max(len(one.results) for one in group)
                    raise InterruptedRunError(signum, f"interrupted after pass {number}")
        finally:
            save_passes()


def check_unchanged(run: Run, data_sha256: dict[str, str], machine: dict[str, Any]) -> list[str]:
    """What makes the bits of a run that is resumed uncertain, in words.

    Args:
        run: the run.
        data_sha256: digests of the digits, and of a teacher's labels, that there are now.
        machine: this one, as `lecun89.engines.describe_machine` tells it.

    Raises:
        FileFormatError: the digits are others.
    """
    if run.data_sha256 != data_sha256:
        digits = all(run.data_sha256.get(of) == data_sha256[of] for of in ("train", "test"))
        what = "another teacher's labels" if digits else "other digits"
        raise FileFormatError(
            f"{run.path} was started on {what} than {run.settings.data} holds now: start a new run"
        )
    decisive = get_engine(run.settings.engine).decisive
    return [
        f"the run was started with {name} {run.machine.get(name)}, this is {value}; "
        "results may not be bit-identical"
        for name, value in machine.items()
        if (decisive is None or name in decisive) and run.machine.get(name, value) != value
    ]


def _restore(group: Sequence[_Training], engine: Engine) -> Position:
    """Give the engine the saved states, and each run its results; the position they are at."""
    saved = [one.run.load_state() for one in group]
    positions = {(position.passes, position.step) for _, position in saved}
    if len(positions) > 1:
        raise FileFormatError("the runs are not equally far: resume them one after the other")
    try:
        engine.load_states([state for state, _ in saved])
    except FileFormatError as error:
        path = group[0].run.path
        raise FileFormatError(f"the state of {path} is of another training: {error}") from error
    for one, (state, position) in zip(group, saved, strict=True):
        one.results = one.run.read_metrics()
        if one.results and position.step == 0:
            one.unsaved = state  # in case a file of that pass was lost
            one.save_passes()
    return saved[0][1]


def _allow_open_files(count: int) -> None:
    """Every run has its lock open; systems allow 256 or 1,024 files unless asked."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
