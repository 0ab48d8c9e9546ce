"""A sweep on disk: a directory with its runs and its table, which grow as cells finish."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lecun89.data import get_data
from lecun89.engines import get_engine
from lecun89.exceptions import FileFormatError, InterruptedRunError, Lecun89Error
from lecun89.settings import Settings, in_step
from lecun89.storage.locks import exclusive
from lecun89.storage.outputdir import refuse_links
from lecun89.sweeps.table import as_row, write_table
from lecun89.sweeps.work import Outcome
from lecun89.training.loop import PassResult
from lecun89.training.runs import Run, create_run, list_runs, open_run

if TYPE_CHECKING:
    from lecun89.sweeps.pools import Pool

TABLE = "table.csv"
_TABLE_SECONDS = 1.0  # between two writes of it: it is written whole
_STOP_SECONDS = 40.0  # that workers have to save what they train
MOST_LOSSES = 3
"""How many workers may die with a cell before it is given up: it may be what kills them."""


@dataclass(frozen=True)
class Finished:
    """A cell that is trained to its end.

    Attributes:
        run: where it is.
        results: of all its passes.
    """

    run: Run
    results: list[PassResult]


@dataclass(frozen=True)
class Task:
    """Cells that are trained in step, with the runs of these that are begun, if any."""

    cells: tuple[Settings, ...]
    begun: tuple[Run, ...] = ()


@dataclass(frozen=True)
class SweepResult:
    """How a sweep ended.

    Attributes:
        finished: the cells that are at their ends.
        failed: what went wrong with the others, in words.
    """

    finished: dict[Settings, Finished]
    failed: dict[Settings, str] = field(default_factory=dict)


def _is_of(run: Run, data_sha256: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a run was trained on the digits, and by the teacher, that there are now."""
    settings = run.settings
    expected = {split: get_data(settings.data).sha256[split] for split in ("train", "test")}
    labels = data_sha256.get(settings.data, {}).get("teacher")
    if settings.trained.teacher and labels is not None:
        expected["teacher"] = labels
    return all(run.data_sha256.get(name) == digest for name, digest in expected.items())


def _is_lost(error: BaseException) -> bool:
    """Whether cells were lost with their worker, rather than wrong by itself."""
    kinds = (BrokenExecutor, CancelledError, ConnectionError)
    return isinstance(error, kinds) or type(error).__name__ in ("KilledWorker", "CommClosedError")


def _alike(settings: Settings) -> Settings:
    """Settings, but for the threads of an engine whose bits do not depend on them."""
    return settings if get_engine(settings.engine).needs_torch else replace(settings, threads=None)


class Sweep:
    """The cells of a sweep, and those of them that are finished."""

    def __init__(
        self, directory: Path, cells: Sequence[Settings], *, by_seed: bool = False
    ) -> None:
        """Look up what is finished.

        Args:
            directory: of the sweep; made where it is missing.
            cells: settings, none of them twice.
            by_seed: whether its cells differ in their seeds alone, so that a run may have had
                fewer passes, another device or other threads than its cell has now.

        Raises:
            Lecun89Error: the directory cannot be made.
        """
        self.directory = directory
        self.cells = list(dict.fromkeys(cells))
        self._by_seed = {cell.seed: cell for cell in self.cells} if by_seed else {}
        self.runs_dir = directory / "runs"
        refuse_links(self.runs_dir, directory)
        try:
            self.runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Lecun89Error(
                f"cannot make {directory}: {error.strerror}; choose another directory"
            ) from error
        self.finished: dict[Settings, Finished] = {}
        self._begun: dict[Settings, Run] = {}
        self._others: list[Finished] = []  # of sweeps before, in the same directory
        self._known: dict[Path, dict[str, Any]] = {}  # lines of the table, by run
        self._look_up()

    def _look_up(self, data_sha256: Mapping[str, Mapping[str, str]] | None = None) -> None:
        wanted = {_alike(cell): cell for cell in self.cells}
        self.finished, self._begun, self._others = {}, {}, []
        for path in list_runs(self.runs_dir):
            try:
                run = open_run(path)
                results = run.read_metrics()
                cell = wanted.get(_alike(run.settings)) or self._cell_before_changes(run.settings)
                whole = len(results) == (cell or run.settings).passes
                if whole:
                    run.read_weights()
            except FileFormatError:  # it is no run of ours, or damaged
                continue
            if cell is None:
                self._others += [Finished(run, results)] if whole else []
            elif _is_of(run, data_sha256 or {}):
                if whole:
                    self.finished[cell] = Finished(run, results)
                else:
                    self._begun[cell] = run

    def _cell_before_changes(self, of: Settings) -> Settings | None:
        """The cell of a run that has not taken over the cell's settings yet."""
        cell = self._by_seed.get(of.seed)
        if cell is None or of.passes > cell.passes:
            return None
        now = replace(of, passes=cell.passes, device=cell.device, threads=cell.threads)
        return cell if now == cell else None

    @property
    def settings(self) -> Settings:
        """Those of the first cell."""
        return self.cells[0]

    @property
    def left(self) -> list[Settings]:
        """Cells that are not finished."""
        return [cell for cell in self.cells if cell not in self.finished]

    def rows(self) -> list[dict[str, Any]]:
        """Lines of the table: the finished cells, in the order of the cells."""
        return self._rows(self.finished[cell] for cell in self.cells if cell in self.finished)

    def _rows(self, found: Iterable[Finished]) -> list[dict[str, Any]]:
        rows = []
        for one in found:
            path = one.run.path
            if path not in self._known:
                self._known[path] = as_row(one.run.settings, one.results, path.name)
            rows.append(self._known[path])
        return rows

    def _write_table(self) -> None:
        write_table(self.directory / TABLE, [*self.rows(), *self._rows(self._others)])

    def _tasks(self, together: int | None) -> deque[Task]:
        """What is left, in groups that are trained in step."""
        groups: dict[tuple[Settings, int, int, bool], list[Settings]] = {}
        for cell in self.left:
            passes, step = 0, 0
            if (run := self._begun.get(cell)) is not None:
                run = self._begun[cell] = run.changed(cell)
                position = run.load_state()[1]
                passes, step = position.passes, position.step
            alike = replace(cell, seed=0)
            groups.setdefault((alike, passes, step, run is None), []).append(cell)
        tasks: deque[Task] = deque()
        for (alike, *_), cells in groups.items():
            size = in_step(alike, together)
            for first in range(0, len(cells), size):
                part = tuple(cells[first : first + size])
                begun = tuple(self._begun[cell] for cell in part if cell in self._begun)
                tasks.append(Task(part, begun))
        return tasks

    def train(
        self,
        make_pool: "Callable[[], AbstractContextManager[Pool]]",
        data_sha256: Mapping[str, Mapping[str, str]],
        *,
        together: int | None = None,
        stop_signal: Callable[[], int | None] = lambda: None,
        on_cell: Callable[[Settings, Finished | str], None] = lambda settings, outcome: None,
        on_progress: Callable[[float], None] = lambda cells: None,
    ) -> SweepResult:
        """Train what is left; a cell gets a line of the table when it ends.

        A worker that dies costs the cells that it had, which are trained elsewhere.

        Args:
            make_pool: gives the workers.
            data_sha256: digests of each split and of a teacher's labels, by name of the data. A
                cell that was finished with other ones is trained anew.
            together: most networks that are trained in step; None for as many as an engine can.
            stop_signal: the signal that asks to stop, if any.
            on_cell: told of each cell its run and results, or what went wrong.
            on_progress: told now and then how many cells' work is done, parts included.

        Raises:
            InterruptedRunError: a signal asked to stop; what is finished is kept, and what is
                trained on this machine is saved.
            Lecun89Error: another process has this sweep, or a run cannot be written.
        """
        failed: dict[Settings, str] = {}
        losses: dict[tuple[Settings, ...], int] = {}

        def fail(cell: Settings, reason: str) -> None:
            failed[cell] = reason
            on_cell(cell, reason)

        def end(task: Task, future: "Future[list[Outcome]]") -> bool:
            """Take a task's outcomes; False when it was lost and is to be trained again."""
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                for cell, outcome in zip(task.cells, future.result(), strict=True):
                    if outcome.error is not None:
                        fail(cell, outcome.error)
                    elif outcome.ended:
                        self.finished[cell] = self._land(cell, outcome, data_sha256[cell.data])
                        on_cell(cell, self.finished[cell])
                return True
            reason = str(error)
            if _is_lost(error):
                losses[task.cells] = losses.get(task.cells, 0) + 1
                if losses[task.cells] < MOST_LOSSES:
                    return False
                reason = f"{MOST_LOSSES} workers were lost with it"
            for cell in task.cells:
                fail(cell, reason)
            return True

        with exclusive(self.directory, "sweeping in"):
            self._look_up(data_sha256)
            shutil.rmtree(self._staging, ignore_errors=True)
            self._write_table()
            to_do, written = self._tasks(together), time.monotonic()
            with ExitStack() as stack:
                stack.callback(self._write_table)
                pool = stack.enter_context(make_pool()) if to_do else None
                pending: dict[Future[list[Outcome]], Task] = {}
                while pool is not None and (to_do or pending):
                    while to_do and len(pending) < pool.capacity:
                        task = to_do.popleft()
                        pending[pool.submit(task.cells, task.begun)] = task
                    done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                    again = [task for f in done if not end(task := pending.pop(f), f)]
                    if again:
                        pool.renew()
                        to_do.extendleft(map(self._with_begun, again))
                    on_progress(len(self.finished) + pool.progress())
                    if done and time.monotonic() - written >= _TABLE_SECONDS:
                        self._write_table()
                        written = time.monotonic()
                    if (signum := stop_signal()) is not None:
                        pool.stop()
                        done, _ = wait(pending, timeout=_STOP_SECONDS)
                        for future in done:
                            end(pending[future], future)
                        so_far = f"{len(self.finished):,} of {len(self.cells):,} cells"
                        raise InterruptedRunError(signum, f"interrupted after {so_far}")
        return SweepResult(dict(self.finished), failed)

    def _with_begun(self, task: Task) -> Task:
        """A lost task with the runs that its worker had begun, if all of them are equally far."""
        wanted, found = set(task.cells), {}
        for path in list_runs(self.runs_dir):
            try:
                run = open_run(path)
                if run.settings in wanted:
                    found[run.settings] = run, run.load_state()[1]
            except FileFormatError:
                continue
        far = {(position.passes, position.step) for _, position in found.values()}
        if len(found) < len(wanted) or len(far) > 1:
            return Task(task.cells)
        return Task(task.cells, tuple(found[cell][0] for cell in task.cells))

    @property
    def _staging(self) -> Path:
        return self.directory / ".writing"

    def _land(self, cell: Settings, outcome: Outcome, known: Mapping[str, str]) -> Finished:
        """The run of a finished cell; one that was trained in memory is written now."""
        if outcome.run is not None:
            results = outcome.results
            if len(results) < cell.passes:  # it was begun in another session
                results = outcome.run.read_metrics()
            return Finished(outcome.run, results)
        assert outcome.state is not None
        taught = cell.trained.teacher
        sha256 = {name: digest for name, digest in known.items() if name != "teacher" or taught}
        run = create_run(self._staging, cell, sha256, outcome.machine, outcome.state)
        run.save_pass(outcome.results, outcome.state)
        path, number = self.runs_dir / run.path.name, 1
        while path.exists():
            number += 1
            path = self.runs_dir / f"{run.path.name}-{number}"
        run.path.rename(path)
        return Finished(replace(run, path=path), outcome.results)
