"""One run from its settings to its end, for the command line and the Python API."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lecun89.data import Digits, digests, load_training
from lecun89.engines import Engine
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings, engine_of, machine_of
from lecun89.training import checkpointing
from lecun89.training.loop import PassResult, Position
from lecun89.training.runs import Run, create_run
from lecun89.variants import get_variant

_log = logging.getLogger(__name__)


@dataclass
class Session:
    """A run that is trained now.

    Attributes:
        run: the run.
        engine: fresh, of its settings.
        results: of its passes so far.
    """

    run: Run
    engine: Engine
    results: list[PassResult] = field(default_factory=list)

    def train(
        self,
        *,
        checkpoint_seconds: float = 60.0,
        stop_signal: Callable[[], int | None] = lambda: None,
        on_progress: Callable[[Position], None] = lambda position: None,
    ) -> Iterator[PassResult]:
        """Train to the end, once; arguments and errors as of `checkpointing.train`.

        Yields:
            The result of each pass.

        Raises:
            DivergedError: the loss is no longer finite; the last finite state is kept.
        """
        for (outcome,) in checkpointing.train(
            [self.run],
            self.engine,
            checkpoint_seconds=checkpoint_seconds,
            stop_signal=stop_signal,
            on_progress=on_progress,
        ):
            if isinstance(outcome, DivergedError):
                raise outcome
            self.results.append(outcome)
            yield outcome


def load_splits(settings: Settings, directory: Path, *, keep: bool = True) -> dict[str, Digits]:
    """The digits of a training; arguments and errors as of `lecun89.data.load_training`."""
    return load_training(settings.data, [get_variant(settings.variant)], directory, keep=keep)


def begin(settings: Settings, splits: dict[str, Digits], runs_dir: Path) -> Session:
    """A new run.

    Args:
        settings: of the training.
        splits: the digits of ``train`` and ``test``.
        runs_dir: where runs are kept.
    """
    engine = engine_of([settings], splits)
    machine = machine_of(settings)
    (state,) = engine.states()
    run = create_run(runs_dir, settings, digests(splits, settings.trained), machine, state)
    return Session(run, engine)


def resume(run: Run, splits: dict[str, Digits], settings: Settings | None = None) -> Session:
    """A run that was interrupted; a warning is logged where its bits may come out differently.

    Args:
        run: the run.
        splits: the digits of ``train`` and ``test``.
        settings: those it has from here on, which may differ in passes, device and threads; None
            for its own.

    Raises:
        FileFormatError: the digits are others than those it was started on, or it is damaged.
    """
    settings = settings or run.settings
    machine = machine_of(settings)
    sha256 = digests(splits, settings.trained)
    for warning in checkpointing.check_unchanged(run, sha256, machine):
        _log.warning("warning: %s", warning)
    results, engine = run.read_metrics(), engine_of([settings], splits)
    return Session(run.changed(settings), engine, results)
