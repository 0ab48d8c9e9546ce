"""A sweep on disk: a directory with its runs and its table, which grow as cells finish."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lecun89.exceptions import FileFormatError, InterruptedRunError, Lecun89Error
from lecun89.runs import Run, create_run, list_runs, open_run
from lecun89.settings import Settings
from lecun89.sweeps.cell import Outcome
from lecun89.sweeps.pools import Submit, describe, is_lost
from lecun89.sweeps.table import append_row, as_row, write_table

TABLE = "table.csv"
MOST_LOSSES = 3
"""How often in a row workers may die before a cell is given up: it may be what kills them."""


@dataclass(frozen=True)
class SweepResult:
    """How a sweep ended.

    Attributes:
        finished: the run of each cell.
        failed: what went wrong with the others, in words.
    """

    finished: dict[Settings, Run]
    failed: dict[Settings, str] = field(default_factory=dict)


class Sweep:
    """The cells of a sweep, and those of them that are finished."""

    def __init__(self, directory: Path, cells: Sequence[Settings]) -> None:
        """Look up what is finished.

        Args:
            directory: of the sweep; made where it is missing.
            cells: settings, none of them twice.

        Raises:
            Lecun89Error: the directory cannot be made.
        """
        self.directory = directory
        self.cells = list(dict.fromkeys(cells))
        self._runs_dir = directory / "runs"
        try:
            self._runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Lecun89Error(f"cannot make {directory}: {error.strerror}") from error
        wanted = set(self.cells)
        self.finished: dict[Settings, Run] = {}
        self._others: list[Run] = []  # of sweeps before, in the same directory
        for path in list_runs(self._runs_dir):
            try:
                run = open_run(path)
                whole = len(run.read_metrics()) == run.settings.passes
            except FileFormatError:  # it was being written when everything stopped
                continue
            if whole and run.settings in wanted:
                self.finished[run.settings] = run
            elif whole:
                self._others.append(run)

    @property
    def left(self) -> list[Settings]:
        """Cells that are not finished."""
        return [cell for cell in self.cells if cell not in self.finished]

    def rows(self) -> list[dict[str, Any]]:
        """Lines of the table: the finished cells, in the order of the cells."""
        return _rows(self.finished[cell] for cell in self.cells if cell in self.finished)

    def _write_table(self) -> None:
        write_table(self.directory / TABLE, [*self.rows(), *_rows(self._others)])

    def train(
        self,
        make_pool: Callable[[], AbstractContextManager[Submit]],
        data_sha256: dict[str, dict[str, str]],
        *,
        stop_signal: Callable[[], int | None] = lambda: None,
        on_cell: Callable[[Settings, Run | str], None] = lambda settings, outcome: None,
    ) -> SweepResult:
        """Train what is left; each cell lands as a run and a line of the table when it ends.

        A worker that dies costs the cells that it had, which are trained elsewhere.

        Args:
            make_pool: gives the workers; called again when they are lost.
            data_sha256: digests of each split, by name of the data.
            stop_signal: the signal that asks to stop, if any.
            on_cell: told of each cell its run, or what went wrong.

        Raises:
            InterruptedRunError: a signal asked to stop; what is finished is kept.
            Lecun89Error: another process has this sweep, or a run cannot be written.
        """
        failed: dict[Settings, str] = {}
        losses: dict[Settings, int] = {}

        def land(cell: Settings, outcome: Outcome) -> None:
            run = create_run(
                self._runs_dir,
                cell,
                dict.fromkeys(cell.as_document(), "sweep"),
                data_sha256[cell.data],
                outcome.machine,
                outcome.state,
            )
            run.save_pass(outcome.results, outcome.state)
            self.finished[cell] = run
            append_row(self.directory / TABLE, as_row(cell, outcome.results, run.path.name))
            on_cell(cell, run)

        def fail(cell: Settings, reason: str) -> None:
            failed[cell] = reason
            on_cell(cell, reason)

        with self._lock():
            self._write_table()
            while to_do := [cell for cell in self.left if cell not in failed]:
                with make_pool() as submit:
                    pending = {}
                    for cell in to_do:
                        pending[submit(cell)] = cell
                    lost = False
                    while pending and not lost:
                        done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                        for future in done:
                            cell = pending.pop(future)
                            error = None if future.cancelled() else future.exception()
                            if future.cancelled() or (error is not None and is_lost(error)):
                                lost = True
                                losses[cell] = losses.get(cell, 0) + 1
                                if losses[cell] >= MOST_LOSSES and error is not None:
                                    fail(cell, f"workers were lost with it: {describe(error)}")
                            elif error is not None:
                                fail(cell, str(error))
                            else:
                                losses.clear()
                                land(cell, future.result())
                        if (signum := stop_signal()) is not None:
                            done_now = f"{len(self.finished):,} of {len(self.cells):,} cells"
                            raise InterruptedRunError(signum, f"interrupted after {done_now}")
            self._write_table()
        return SweepResult(dict(self.finished), failed)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = FileLock(self.directory / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Lecun89Error(f"another process has {self.directory}: let it end") from None
        try:
            yield
        finally:
            lock.release()


def _rows(runs: Iterable[Run]) -> list[dict[str, Any]]:
    return [as_row(run.settings, run.read_metrics(), run.path.name) for run in runs]
