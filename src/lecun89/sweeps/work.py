"""What a worker of a sweep does: train cells in step, into runs or in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lecun89.data import Digits, digests
from lecun89.exceptions import InterruptedRunError
from lecun89.settings import Settings, engine_of, machine_of
from lecun89.storage.tensorfile import Arrays
from lecun89.training import checkpointing
from lecun89.training.loop import PassResult, Position, fit
from lecun89.training.runs import Run, create_run

Splits = Mapping[str, dict[str, Digits]]
"""Digits of ``train`` and ``test``, by name of the data."""


@dataclass
class Outcome:
    """What the training of a cell came to.

    Attributes:
        results: of its passes in this session.
        error: how it diverged, in words; None when it did not.
        ended: whether it is at its end; else it was interrupted, and its run is saved.
        run: where it was trained on disk.
        state: after the last pass, where it was trained in memory.
        machine: where it ran.
    """

    results: list[PassResult] = field(default_factory=list)
    error: str | None = None
    ended: bool = False
    run: Run | None = None
    state: Arrays | None = None
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, result: PassResult | Exception) -> None:
        """Take the outcome of a pass."""
        if isinstance(result, Exception):
            self.error = str(result)
        else:
            self.results.append(result)


def train_in_memory(
    cells: Sequence[Settings],
    splits: Splits,
    on_slice: Callable[[Position], None] = lambda position: None,
    *,
    most_threads: int = 1,
) -> list[Outcome]:
    """Train cells to their ends and keep what they come to.

    Args:
        cells: alike but for seed and learning rate, as many as their engine trains in step.
        splits: the digits.
        on_slice: called every 50 ms; what it raises ends the training.
        most_threads: see `lecun89.settings.threads_of`.

    Raises:
        UsageError: these settings cannot be trained here.
    """
    engine = engine_of(cells, splits[cells[0].data], most_threads)
    outcomes = [Outcome() for _ in cells]
    for results in fit(engine, cells, on_slice=on_slice):
        for outcome, result in zip(outcomes, results, strict=True):
            outcome.add(result)
    machine = machine_of(cells[0], most_threads)
    for outcome, state in zip(outcomes, engine.states(), strict=True):
        outcome.ended, outcome.state, outcome.machine = True, state, machine
    return outcomes


def train_on_disk(
    cells: Sequence[Settings],
    splits: Splits,
    begun: Sequence[Run],
    runs_dir: Path,
    *,
    most_threads: int = 1,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[Position], None] = lambda position: None,
) -> list[Outcome]:
    """Train cells into runs, to their ends or until a signal asks to stop.

    Args:
        cells: as in `train_in_memory`.
        splits: the digits.
        begun: the runs of these cells, equally far, to resume; empty for new ones.
        runs_dir: where new runs go.
        most_threads: as in `train_in_memory`.
        checkpoint_seconds: as in `lecun89.training.checkpointing.train`, like the rest.
        stop_signal: see there.
        on_progress: see there.

    Raises:
        Lecun89Error: a run cannot be written or resumed, or another process is training it.
    """
    settings = cells[0]
    digits = splits[settings.data]
    engine = engine_of(cells, digits, most_threads)
    machine = machine_of(settings, most_threads)
    sha256 = digests(digits, settings.trained)
    runs = begun or [
        create_run(runs_dir, cell, sha256, machine, state)
        for cell, state in zip(cells, engine.states(), strict=True)
    ]
    outcomes = [Outcome(run=run, machine=machine) for run in runs]
    try:
        for results in checkpointing.train(
            runs,
            engine,
            checkpoint_seconds=checkpoint_seconds,
            stop_signal=stop_signal,
            on_progress=on_progress,
        ):
            for outcome, result in zip(outcomes, results, strict=True):
                outcome.add(result)
    except InterruptedRunError:
        pass
    else:
        for outcome in outcomes:
            outcome.ended = outcome.error is None
    return outcomes
