"""A sweep from its cells to its end: digits, workers, and what is told on the way."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lecun89.cores import cores_each
from lecun89.data import digests, load_training
from lecun89.engines import get_engine
from lecun89.exceptions import Lecun89Error, UsageError
from lecun89.parsing import parse_number
from lecun89.settings import Settings, in_step
from lecun89.sweeps.labels import labels
from lecun89.sweeps.sweep import Finished, Sweep, SweepResult
from lecun89.variants import Variant, get_variant

if TYPE_CHECKING:
    from lecun89.sweeps.pools import Pool


@dataclass(frozen=True)
class Workers:
    """Where the cells of a sweep are trained.

    Attributes:
        count: cells at a time; None for as many as are worth it.
        scheduler: address of a Dask cluster; None for this machine.
    """

    count: int | None = None
    scheduler: str | None = None

    @classmethod
    def parse(cls, text: str, scheduler: str | None = None) -> "Workers":
        """From ``auto`` or a number, and an address.

        Raises:
            UsageError: it is neither, below 1, or no address.
            MissingExtraError: the scheduler's package is not installed or broken.
        """
        count = None if text == "auto" else int(parse_number("--workers", text, int))
        if count is not None and count < 1:
            raise UsageError(f"--workers {count} is out of range: at least 1, or auto")
        if scheduler is not None:
            from lecun89.sweeps.pools import check_address

            check_address(scheduler)
        return cls(count, scheduler)

    def together(self, settings: Settings) -> int:
        """Networks that are trained in step."""
        return in_step(settings, self.count)

    def processes(self, cells: Sequence[Settings]) -> int:
        """Processes of this machine: side by side on the CPU, one for a GPU."""
        if any(cell.device != "cpu" for cell in cells):
            return 1
        if any(get_engine(cell.engine).most_networks > 1 for cell in cells):
            return 1
        if self.count is not None:
            return self.count
        return cores_each(max(cell.threads or 1 for cell in cells))

    def threads_each(self, cells: Sequence[Settings]) -> int:
        """Cores of this machine for each cell that is trained at a time."""
        return cores_each(self.at_a_time(cells))

    def at_a_time(self, cells: Sequence[Settings]) -> int:
        """Cells that are trained at a time on this machine."""
        return min(self.processes(cells) * self.together(cells[0]), len(cells))


def variants_on(cells: Sequence[Settings]) -> dict[str, list[Variant]]:
    """The variants that cells train, by name of the data they train on."""
    found: dict[str, list[Variant]] = {}
    for name, data in dict.fromkeys((cell.variant, cell.data) for cell in cells):
        found.setdefault(data, []).append(get_variant(name))
    return found


def train(
    sweep: Sweep,
    workers: Workers,
    directory: Path,
    *,
    checkpoint_seconds: float = 60.0,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_cell: Callable[[Settings, Finished | str], None] = lambda settings, outcome: None,
    on_progress: Callable[[float], None] = lambda cells: None,
) -> SweepResult:
    """Train what is left of a sweep.

    Args:
        sweep: the sweep.
        workers: where.
        directory: the data directory.
        checkpoint_seconds: between two saves within a pass.
        stop_signal: as in `Sweep.train`, like the rest.
        on_cell: see there.
        on_progress: see there.

    Raises:
        DataUnavailableError: digits or a teacher's labels could not be had.
        InterruptedRunError: as of `Sweep.train`.
    """
    from lecun89.sweeps.pools import LocalWork, local_pool, remote_pool

    cells = sweep.left
    variants = variants_on(cells)
    splits = {name: load_training(name, of, directory) for name, of in variants.items()}
    sha256 = {}
    for name, of in splits.items():
        trained = [variant.on(name) for variant in variants[name]]
        sha256[name] = digests(of, max(trained, key=lambda variant: variant.teacher))

    def make_pool() -> "AbstractContextManager[Pool]":
        if workers.scheduler is not None:
            return remote_pool(workers.scheduler, splits)
        threads = workers.threads_each(cells)
        work = LocalWork(directory, variants, sweep.runs_dir, checkpoint_seconds, threads)
        return local_pool(workers.processes(cells), work)

    return sweep.train(
        make_pool,
        sha256,
        together=workers.count,
        stop_signal=stop_signal,
        on_cell=on_cell,
        on_progress=on_progress,
    )


def refuse_failed(result: SweepResult, what: str = "cells") -> None:
    """End when cells failed.

    Raises:
        Lecun89Error: some did; the message has the first reason.
    """
    if result.failed:
        total = len(result.failed) + len(result.finished)
        cell, reason = next(iter(result.failed.items()))
        which = labels([*result.finished, *result.failed])[cell]
        raise Lecun89Error(f"{len(result.failed)} of {total} {what} failed; {which}: {reason}")
