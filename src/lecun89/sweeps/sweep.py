"""A sweep on disk: a directory with its runs and its table, which grow as cells finish."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lecun89.data import get_data
from lecun89.exceptions import FileFormatError, InterruptedRunError, Lecun89Error
from lecun89.settings import Settings
from lecun89.storage.locks import exclusive
from lecun89.storage.outputdir import refuse_links
from lecun89.sweeps.cell import Outcome
from lecun89.sweeps.pools import Pool, is_lost
from lecun89.sweeps.table import as_row, write_table
from lecun89.training.runs import Run, create_run, list_runs, open_run

TABLE = "table.csv"
_TABLE_SECONDS = 1.0  # between two writes of it: it is written whole
MOST_LOSSES = 3
"""How many workers may die with a cell before it is given up: it may be what kills them."""


@dataclass(frozen=True)
class SweepResult:
    """How a sweep ended.

    Attributes:
        finished: the run of each cell.
        failed: what went wrong with the others, in words.
    """

    finished: dict[Settings, Run]
    failed: dict[Settings, str] = field(default_factory=dict)


def _is_of(run: Run, data_sha256: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a run was trained on the digits, and by the teacher, that there are now."""
    settings = run.settings
    expected = {split: get_data(settings.data).sha256[split] for split in ("train", "test")}
    labels = data_sha256.get(settings.data, {}).get("teacher")
    if settings.trained.teacher and labels is not None:
        expected["teacher"] = labels
    return all(run.data_sha256.get(name) == digest for name, digest in expected.items())


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
        refuse_links(self._runs_dir, directory)
        try:
            self._runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Lecun89Error(
                f"cannot make {directory}: {error.strerror}; choose another with --out"
            ) from error
        self.finished: dict[Settings, Run] = {}
        self._others: list[Run] = []  # of sweeps before, in the same directory
        self._known: dict[Path, dict[str, Any]] = {}  # lines of the table, by run
        self._look_up()

    def _look_up(self, data_sha256: Mapping[str, Mapping[str, str]] | None = None) -> None:
        wanted = set(self.cells)
        self.finished, self._others = {}, []
        for path in list_runs(self._runs_dir):
            try:
                run = open_run(path)
                run.read_weights()
                whole = len(run.read_metrics()) == run.settings.passes
            except FileFormatError:  # it is no run of ours
                continue
            if whole and run.settings in wanted:
                if _is_of(run, data_sha256 or {}):
                    self.finished[run.settings] = run
            elif whole:
                self._others.append(run)

    @property
    def left(self) -> list[Settings]:
        """Cells that are not finished."""
        return [cell for cell in self.cells if cell not in self.finished]

    def rows(self) -> list[dict[str, Any]]:
        """Lines of the table: the finished cells, in the order of the cells."""
        return self._rows(self.finished[cell] for cell in self.cells if cell in self.finished)

    def _rows(self, runs: Iterable[Run]) -> list[dict[str, Any]]:
        rows = []
        for run in runs:
            if run.path not in self._known:
                self._known[run.path] = as_row(run.settings, run.read_metrics(), run.path.name)
            rows.append(self._known[run.path])
        return rows

    def _write_table(self) -> None:
        write_table(self.directory / TABLE, [*self.rows(), *self._rows(self._others)])

    def train(
        self,
        make_pool: Callable[[], AbstractContextManager[Pool]],
        data_sha256: Mapping[str, Mapping[str, str]],
        *,
        stop_signal: Callable[[], int | None] = lambda: None,
        on_cell: Callable[[Settings, Run | str], None] = lambda settings, outcome: None,
    ) -> SweepResult:
        """Train what is left; each cell lands as a run and a line of the table when it ends.

        A worker that dies costs the cells that it had, which are trained elsewhere.

        Args:
            make_pool: gives the workers.
            data_sha256: digests of each split and of a teacher's labels, by name of the data. A
                cell that was finished with other ones is trained anew.
            stop_signal: the signal that asks to stop, if any.
            on_cell: told of each cell its run, or what went wrong.

        Raises:
            InterruptedRunError: a signal asked to stop; what is finished is kept.
            Lecun89Error: another process has this sweep, or a run cannot be written.
        """
        failed: dict[Settings, str] = {}
        losses: dict[Settings, int] = {}

        def end(cell: Settings, future: "Future[Outcome]") -> bool:
            """Take a cell's outcome; False when it was lost and is to be trained again."""
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                self.finished[cell] = self._land(cell, future.result(), data_sha256[cell.data])
                on_cell(cell, self.finished[cell])
                return True
            if is_lost(error):
                losses[cell] = losses.get(cell, 0) + 1
                if losses[cell] < MOST_LOSSES:
                    return False
                failed[cell] = f"{MOST_LOSSES} workers were lost with it"
            else:
                failed[cell] = str(error)
            on_cell(cell, failed[cell])
            return True

        with exclusive(self.directory, "sweeping in"):
            self._look_up(data_sha256)
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging.mkdir()
            self._write_table()
            to_do, written = deque(self.left), time.monotonic()
            with ExitStack() as stack:
                stack.callback(self._write_table)
                pool = stack.enter_context(make_pool()) if to_do else None
                pending: dict[Future[Outcome], Settings] = {}
                while pool is not None and (to_do or pending):
                    while to_do and len(pending) < pool.capacity:
                        cell = to_do.popleft()
                        pending[pool.submit(cell)] = cell
                    done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                    again = [cell for f in done if not end(cell := pending.pop(f), f)]
                    if again:
                        pool.renew()
                        to_do.extendleft(again)
                    if done and time.monotonic() - written >= _TABLE_SECONDS:
                        self._write_table()
                        written = time.monotonic()
                    if (signum := stop_signal()) is not None:
                        so_far = f"{len(self.finished):,} of {len(self.cells):,} cells"
                        raise InterruptedRunError(signum, f"interrupted after {so_far}")
        return SweepResult(dict(self.finished), failed)

    @property
    def _staging(self) -> Path:
        return self.directory / ".writing"

    def _land(self, cell: Settings, outcome: Outcome, known: Mapping[str, str]) -> Run:
        """Write a finished cell as a run, which appears whole among the others."""
        origins = dict.fromkeys(cell.as_document(), "sweep")
        taught = cell.trained.teacher
        sha256 = {name: digest for name, digest in known.items() if name != "teacher" or taught}
        run = create_run(self._staging, cell, origins, sha256, outcome.machine, outcome.state)
        run.save_pass(outcome.results, outcome.state)
        path, number = self._runs_dir / run.path.name, 1
        while path.exists():
            number += 1
            path = self._runs_dir / f"{run.path.name}-{number}"
        run.path.rename(path)
        return replace(run, path=path)
