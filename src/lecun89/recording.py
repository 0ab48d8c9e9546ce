"""Train into a run: save as it goes, stop when asked, go on from where it was."""

import time
from collections.abc import Callable, Iterator

from lecun89.engines import Engine
from lecun89.exceptions import FileFormatError, InterruptedRunError
from lecun89.runs import Run
from lecun89.training import PassResult, Position, fit


def start(run: Run, engine: Engine) -> None:
    """Save the state of a fresh engine, so that the run can be gone on with from the first step."""
    run.save_state(engine.state(), Position())


def train(
    run: Run,
    engine: Engine,
    *,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Position], None] = lambda position: None,
) -> Iterator[PassResult]:
    """Train a run from its last saved state to its end.

    The state is saved after every pass, within a pass every `checkpoint_seconds`, and when a
    signal asks to stop.

    Args:
        run: the run, with a saved state.
        engine: a fresh engine of its settings.
        checkpoint_seconds: between two saves within a pass.
        stop_signal: the signal that asks to stop, if any; asked every 50 ms of training.
        on_progress: told the position as often.

    Yields:
        A result for each pass, after it is saved.

    Raises:
        InterruptedRunError: a signal asked to stop, and the state is saved.
        DivergedError: the loss is not finite; the last finite state is kept.
        FileFormatError: the saved state is damaged or not of this run.
    """
    state, position = run.load_state()
    try:
        engine.load_state(state)
    except FileFormatError as error:
        raise FileFormatError(
            f"the state of {run.path} does not fit its settings: {error}"
        ) from error
    results = [result for result in run.read_metrics() if result.number <= position.passes]
    if len(results) != position.passes:
        raise FileFormatError(
            f"{run.path / 'metrics.jsonl'} has {len(results)} passes before the saved state, "
            f"which is after pass {position.passes}"
        )
    saved = time.monotonic()

    def stop_if_asked(position: Position, *, save: bool) -> None:
        if (signum := stop_signal()) is not None:
            if save:
                run.save_state(engine.state(), position)
            raise InterruptedRunError(signum, _where(run, position, engine.steps_per_pass))

    def after_slice(position: Position) -> None:
        nonlocal saved
        on_progress(position)
        stop_if_asked(position, save=True)
        if time.monotonic() - saved >= checkpoint_seconds:
            run.save_state(engine.state(), position)
            saved = time.monotonic()

    for result in fit(engine, run.settings, position, after_slice):
        results.append(result)
        run.save_pass(results, engine.state())
        saved = time.monotonic()
        yield result
        stop_if_asked(Position(result.number), save=False)


def _where(run: Run, position: Position, steps: int) -> str:
    if position.passes == run.settings.passes:
        return f"interrupted after the last pass; {run.path} is complete"
    where = f"in pass {position.passes + 1} after step {position.step:,} of {steps:,}"
    return f"interrupted {where}; go on with: lecun89 train --resume {run.path}"
