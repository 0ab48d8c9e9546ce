"""Train into runs: save as they go, stop when asked, go on from where they were."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lecun89.engines import Engine, Networks
from lecun89.exceptions import (
    DivergedError,
    FileFormatError,
    InterruptedRunError,
    Lecun89Error,
)
from lecun89.storage.tensorfile import Arrays
from lecun89.training.loop import SLICE_SECONDS, PassResult, Position, fit, fit_together
from lecun89.training.runs import Run

_SAVE_SECONDS = 1.0  # between saves of passes: those of small networks are far shorter


def train(
    run: Run,
    engine: Engine,
    *,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Position], None] = lambda position: None,
) -> Iterator[PassResult]:
    """Train a run from its last saved state to its end.

    The state is saved after a pass, though not twice within a second, within a pass every
    `checkpoint_seconds`, when a signal asks to stop, and whatever ends the training.

    Args:
        run: the run.
        engine: a fresh engine of its settings.
        checkpoint_seconds: between two saves within a pass.
        stop_signal: the signal that asks to stop, if any; asked every 50 ms of training.
        on_progress: told the position as often.

    Yields:
        A result for each pass.

    Raises:
        InterruptedRunError: a signal asked to stop, and the state is saved.
        DivergedError: the loss is not finite; the last finite state is kept.
        FileFormatError: the saved state is damaged or not of this run.
        Lecun89Error: another process is training this run.
    """
    with run.lock():
        position, results = _restore(run, engine)
        saved = time.monotonic()
        unsaved: Arrays | None = None  # the state after the last of the results

        def save_passes() -> None:
            nonlocal saved, unsaved
            if unsaved is not None:
                run.save_pass(results, unsaved)
                saved, unsaved = time.monotonic(), None

        def after_slice(position: Position) -> None:
            nonlocal saved
            on_progress(position)
            signum = stop_signal()
            if signum is not None or time.monotonic() - saved >= checkpoint_seconds:
                save_passes()
                run.save_state(results, engine.state(), position)
                saved = time.monotonic()
            if signum is not None:
                raise _interrupted(signum, position, engine.steps_per_pass)

        try:
            for result in fit(engine, run.settings, position, after_slice):
                results.append(result)
                unsaved = engine.state()
                if len(results) == 1 or time.monotonic() - saved >= _SAVE_SECONDS:
                    save_passes()
                yield result
                if (signum := stop_signal()) is not None:
                    raise InterruptedRunError(signum, f"interrupted after pass {result.number}")
        finally:
            save_passes()


def train_all(
    runs: Sequence[Run],
    make_engine: Callable[[Run], Engine],
    *,
    workers: int = 1,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Run, Position], None] = lambda run, position: None,
    on_pass: Callable[[Run, PassResult], None] = lambda run, result: None,
    on_error: Callable[[Run, Lecun89Error], None] = lambda run, error: None,
) -> dict[Path, Lecun89Error]:
    """Train runs to their ends, `workers` of them at a time, each on a thread of its own.

    One that fails does not keep the others from their ends; a signal stops them all.

    Args:
        runs: the runs.
        make_engine: gives a fresh engine for a run, on the thread that will train it.
        workers: runs at a time; with one, all is done on the calling thread.
        checkpoint_seconds: as in `train`, like the next.
        stop_signal: see there.
        on_progress: told run and position every 50 ms of its training.
        on_pass: told run and result after each pass.
        on_error: told run and error when a run fails or is interrupted. Like the others it may be
            called on several threads.

    Returns:
        What `train` raised, by the path of the run; empty when all are at their ends.

    Raises:
        BaseException: what is no `Lecun89Error`, such as a full disk; the others stop, saved.
    """
    hopeless = threading.Event()

    def stopping() -> int | None:
        # Nobody reads on, the disk is full, or there is a bug: the others stop as if asked to.
        return signal.SIGTERM if hopeless.is_set() else stop_signal()

    def outcome(run: Run) -> BaseException | None:
        try:
            if (signum := stopping()) is not None:
                raise InterruptedRunError(signum, "interrupted before it began")
            for result in train(
                run,
                make_engine(run),
                checkpoint_seconds=checkpoint_seconds,
                stop_signal=stopping,
                on_progress=lambda position: on_progress(run, position),
            ):
                on_pass(run, result)
        except Lecun89Error as error:
            on_error(run, error)
            return error
        except BaseException as error:
            hopeless.set()
            return error
        return None

    if workers == 1:
        outcomes = [outcome(run) for run in runs]
    else:
        with ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(outcome, runs))
    failed: dict[Path, Lecun89Error] = {}
    for run, error in zip(runs, outcomes, strict=True):
        if isinstance(error, Lecun89Error):
            failed[run.path] = error
        elif error is not None:
            raise error
    return failed


def train_together(
    runs: Sequence[Run],
    make_networks: Callable[[Sequence[Run]], Networks],
    *,
    workers: int,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Run, Position], None] = lambda run, position: None,
    on_pass: Callable[[Run, PassResult], None] = lambda run, result: None,
    on_error: Callable[[Run, Lecun89Error], None] = lambda run, error: None,
) -> dict[Path, Lecun89Error]:
    """Train runs to their ends, step by step side by side, as far as they are equally far.

    Args:
        runs: the runs, alike but for seed and learning rate.
        make_networks: gives fresh networks for some of them.
        workers: most runs side by side.
        checkpoint_seconds: as in `train_all`, like the rest.
        stop_signal: see there.
        on_progress: see there.
        on_pass: see there.
        on_error: see there.

    Returns:
        What went wrong, by the path of the run; empty when all are at their ends.
    """
    failed: dict[Path, Lecun89Error] = {}

    def fail(run: Run, error: Lecun89Error) -> None:
        if run.path not in failed:
            failed[run.path] = error
            on_error(run, error)

    _allow_open_files(len(runs) + 256)
    with ExitStack() as stack:
        groups: dict[tuple[int, int], list[_Saved]] = {}
        for run in runs:
            try:
                stack.enter_context(run.lock())
                saved = _read(run)
                if len(saved.results) == run.settings.passes:
                    continue
                groups.setdefault((saved.position.passes, saved.position.step), []).append(saved)
            except Lecun89Error as error:
                fail(run, error)
        left = [saved for group in groups.values() for saved in group]
        parts = [
            group[first : first + workers]
            for group in groups.values()
            for first in range(0, len(group), workers)
        ]
        for group in parts:
            try:
                _train_group(
                    group,
                    make_networks,
                    checkpoint_seconds,
                    stop_signal,
                    on_progress,
                    on_pass,
                    fail,
                )
            except InterruptedRunError as error:
                for saved in left:
                    if len(saved.results) < saved.run.settings.passes:
                        fail(saved.run, error)
                break
            except Lecun89Error as error:
                for saved in group:
                    fail(saved.run, error)
    return failed


def _train_group(
    group: "Sequence[_Saved]",
    make_networks: Callable[[Sequence[Run]], Networks],
    checkpoint_seconds: float,
    stop_signal: Callable[[], int | None],
    on_progress: Callable[[Run, Position], None],
    on_pass: Callable[[Run, PassResult], None],
    fail: Callable[[Run, Lecun89Error], None],
) -> None:
    if (signum := stop_signal()) is not None:
        raise InterruptedRunError(signum, "interrupted before it began")
    start = group[0].position
    networks = make_networks([saved.run for saved in group])
    networks.load_states([saved.state for saved in group])
    diverged: set[Path] = set()
    checked = time.monotonic()
    shown = 0.0

    def after_slice(position: Position) -> None:
        nonlocal checked, shown
        signum = stop_signal()
        if signum is not None or time.monotonic() - checked >= checkpoint_seconds:
            for saved, state, finite in zip(
                group, networks.states(), networks.is_finite(), strict=True
            ):
                if finite and saved.run.path not in diverged:
                    saved.run.save_state(saved.results, state, position)
            checked = time.monotonic()
        if time.monotonic() - shown >= SLICE_SECONDS:  # an evaluation asks more often
            shown = time.monotonic()
            for saved in group:
                if saved.run.path not in diverged:
                    on_progress(saved.run, position)
        if signum is not None:
            raise _interrupted(signum, position, networks.steps_per_pass)

    trainings = [saved.run.settings for saved in group]
    results = fit_together(networks, trainings, start, after_slice)
    for number, outcomes in enumerate(results, start.passes + 1):
        for saved, state, outcome in zip(group, networks.states(), outcomes, strict=True):
            if isinstance(outcome, DivergedError):
                diverged.add(saved.run.path)
                fail(saved.run, outcome)
                continue
            saved.results.append(outcome)
            saved.run.save_pass(saved.results, state)
            on_pass(saved.run, outcome)
        checked = time.monotonic()
        if len(diverged) == len(group):
            return
        if (signum := stop_signal()) is not None:
            raise InterruptedRunError(signum, f"interrupted after pass {number}")


def _interrupted(signum: int, position: Position, steps: int) -> InterruptedRunError:
    done = f"step {position.step:,} of {steps:,}"
    return InterruptedRunError(signum, f"interrupted in pass {position.passes + 1} after {done}")


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


@dataclass
class _Saved:
    """A run as it lies on disk; `results` grows with it."""

    run: Run
    state: Arrays
    position: Position
    results: list[PassResult]


def _read(run: Run) -> _Saved:
    state, position = run.load_state()
    return _Saved(run, state, position, run.read_metrics())


def _restore(run: Run, engine: Engine) -> tuple[Position, list[PassResult]]:
    saved = _read(run)
    try:
        engine.load_state(saved.state)
    except FileFormatError as error:
        raise FileFormatError(f"the state of {run.path} is of another training: {error}") from error
    if saved.results and saved.position.step == 0:
        run.save_pass(saved.results, saved.state)  # in case a file of that pass was lost
    return saved.position, saved.results
