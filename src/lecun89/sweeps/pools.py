"""Where the cells of a sweep are trained: executors of `concurrent.futures`.

Data travels to each worker once, not with every cell.
"""

import logging
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from lecun89.data import load_training
from lecun89.exceptions import Lecun89Error, UsageError, missing_extra, one_line, shortened
from lecun89.settings import Settings
from lecun89.sweeps.work import Outcome, Splits, train_in_memory, train_on_disk
from lecun89.training.loop import Position
from lecun89.training.runs import Run
from lecun89.variants import Variant

_PROGRESS_SECONDS = 0.2  # between two reports of a worker
_OF_DASK = ("distributed", "tornado", "asyncio")  # loggers, and those below them
_STOP_SECONDS = 30.0  # that a worker has to save what it trains


class Pool(Protocol):
    """Workers.

    Attributes:
        capacity: tasks that are worth having in flight.
    """

    capacity: int

    def submit(self, cells: Sequence[Settings], begun: Sequence[Run]) -> "Future[list[Outcome]]":
        """Send cells that are trained in step to a worker, with their runs if there are some."""

    def progress(self) -> float:
        """What is done of the cells in flight, in cells."""

    def renew(self) -> None:
        """Make up for what was lost with a worker."""

    def stop(self) -> None:
        """Ask all workers to save what they train and end."""


@dataclass(frozen=True)
class LocalWork:
    """What the processes of this machine need to know.

    Attributes:
        directory: the data directory, where the digits are ready.
        variants: that will be trained, by name of the data.
        runs_dir: where runs go.
        checkpoint_seconds: between two saves within a pass.
        most_threads: of each training, where its settings leave it open.
    """

    directory: Path
    variants: dict[str, list[Variant]]
    runs_dir: Path
    checkpoint_seconds: float
    most_threads: int


class _Worker:
    """A process, and what it tells of its work."""

    def __init__(self, work: LocalWork) -> None:
        # Started afresh: a fork would copy whatever threads held when it was made.
        context = multiprocessing.get_context("spawn")
        self._reports, reports = context.Pipe(duplex=False)
        self.executor = ProcessPoolExecutor(
            1, mp_context=context, initializer=_receive, initargs=(work, reports)
        )
        self.cells = 0
        self._done = 0.0

    def done(self) -> float:
        with suppress(OSError, EOFError):
            while self._reports.poll():
                self._done = self._reports.recv()
        return self._done * self.cells

    def begin(self, cells: int) -> None:
        self.done()  # what it told of others
        self.cells, self._done = cells, 0.0

    @property
    def processes(self) -> list[multiprocessing.Process]:
        # There is no public way to end what is running; shutdown forgets the processes.
        return list((getattr(self.executor, "_processes", None) or {}).values())


class LocalPool:
    """Processes of this machine, one for each task in flight: a dead one costs that task alone."""

    def __init__(self, workers: int, work: LocalWork) -> None:
        """No process yet; see `local_pool`."""
        self.capacity = workers
        self._work = work
        self._free: list[_Worker] = []
        self._all: list[_Worker] = []

    def submit(self, cells: Sequence[Settings], begun: Sequence[Run]) -> "Future[list[Outcome]]":
        """Send cells to a process that has none."""
        if self._free:
            worker = self._free.pop()
        else:
            self._all.append(worker := _Worker(self._work))
        worker.begin(len(cells))
        try:
            future = self._quietly(worker, cells, begun)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)

        def free(done: "Future[list[Outcome]]") -> None:
            worker.cells = 0
            if not done.cancelled() and not isinstance(done.exception(), BrokenExecutor):
                self._free.append(worker)

        future.add_done_callback(free)
        return future

    def progress(self) -> float:
        """What is done of the cells in flight, in cells."""
        return sum(worker.done() for worker in self._all)

    def renew(self) -> None:
        """Nothing: broken processes are not used again."""

    def stop(self) -> None:
        """Ask all processes to save what they train; those that only start are ended."""
        for worker in self._all:
            for process in worker.processes:
                process.terminate()

    def close(self) -> None:
        """End every process; what is still trained is saved first."""
        ending = []
        for worker in self._all:
            processes, busy = worker.processes, worker.cells > 0
            worker.executor.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                if busy:
                    process.terminate()
                ending.append(process)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in ending:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    @staticmethod
    def _quietly(
        worker: _Worker, cells: Sequence[Settings], begun: Sequence[Run]
    ) -> "Future[list[Outcome]]":
        """Submit, which may start the process, so that Ctrl-C is for the one that waits."""
        if threading.current_thread() is not threading.main_thread():
            return worker.executor.submit(_train, cells, begun)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return worker.executor.submit(_train, cells, begun)
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def local_pool(workers: int, work: LocalWork) -> Iterator[Pool]:
    """Processes of this machine.

    Args:
        workers: how many.
        work: what they need to know.
    """
    pool = LocalPool(workers, work)
    try:
        yield pool
    finally:
        pool.close()


def check_address(address: str) -> None:
    """Refuse what is no address of a scheduler, and any where Dask cannot be imported.

    Raises:
        MissingExtraError: Dask is not installed, or fails when imported.
        UsageError: it is no address.
    """
    try:
        import distributed  # noqa: F401
    except Exception as error:
        raise missing_extra("--scheduler", "cluster", error) from error
    if not re.fullmatch(r"[a-z]+://[^/\s]+:\d{1,5}", address, re.ASCII):
        shown = shortened(address)
        raise UsageError(f"--scheduler {shown!r} is not like tcp://10.0.0.1:8786")


@contextmanager
def remote_pool(address: str, splits: Splits) -> Iterator[Pool]:
    """The workers of a Dask cluster.

    Args:
        address: of its scheduler, such as ``tcp://10.0.0.1:8786``.
        splits: the digits of every data set that will be trained on.

    Raises:
        MissingExtraError: Dask is not installed, or fails when imported.
        UsageError: no scheduler with workers answers there.
        Lecun89Error: the scheduler has gone.
    """
    check_address(address)
    from distributed import Client

    with _dask_is_silent():
        try:
            client = Client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"no scheduler at --scheduler {address}: {one_line(error)}") from error
        pool = None
        try:
            pool = _DaskPool(client, address, splits)
            yield pool
        finally:
            with suppress(Exception):  # of a scheduler that has gone
                if pool is not None:
                    pool.close()
                client.close()


class _DaskPool:
    """The workers of a cluster, through its client."""

    def __init__(self, client: Any, address: str, splits: Splits) -> None:
        threads = sum(client.nthreads().values())
        if threads == 0:
            raise UsageError(f"the scheduler at --scheduler {address} has no workers yet")
        self.capacity = 4 * threads
        self._client, self._address, self._splits = client, address, splits
        self._executor = client.get_executor(pure=False)
        self.renew()

    def renew(self) -> None:
        with self._asking():
            # To every worker there is; one that joins later gets it from another, once.
            self._travelled = self._client.scatter(self._splits, broadcast=True, hash=False)

    def submit(self, cells: Sequence[Settings], begun: Sequence[Run]) -> "Future[list[Outcome]]":
        # Workers may not see this machine's disk: what they train comes back when it ends.
        with self._asking():
            future: Future[list[Outcome]] = self._executor.submit(
                train_in_memory, cells, self._travelled
            )
        return future

    def progress(self) -> float:
        return 0.0

    def stop(self) -> None:
        self.close()

    def close(self) -> None:
        self._executor.shutdown(wait=False)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            kinds = (OSError, TimeoutError, RuntimeError)
            if not isinstance(error, kinds) and type(error).__name__ != "ClosedClientError":
                raise
            raise Lecun89Error(
                f"the scheduler at --scheduler {self._address} has gone: what is finished is kept; "
                "run the same command again when it is back"
            ) from error


@contextmanager
def _dask_is_silent() -> Iterator[None]:
    """Within the block, Dask logs nothing: what concerns the user is raised."""
    import distributed  # noqa: F401  # which makes its loggers

    names = [*logging.root.manager.loggerDict]
    loggers = [logging.getLogger(name) for name in names if name.partition(".")[0] in _OF_DASK]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


_work: LocalWork  # of this process, as are the next
_splits: Splits
_reports: Connection
_signals: list[int] = []


def _receive(work: LocalWork, reports: Connection) -> None:
    global _work, _splits, _reports
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits

    def keep(signum: int, frame: FrameType | None) -> None:
        _signals.append(signum)

    signal.signal(signal.SIGTERM, keep)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work, _reports = work, reports
    _splits = {name: load_training(name, of, work.directory) for name, of in work.variants.items()}


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train(cells: Sequence[Settings], begun: Sequence[Run]) -> list[Outcome]:
    told = 0.0

    def tell(position: Position) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_SECONDS:
            told = time.monotonic()
            share = position.step / cells[0].steps_per_pass
            _reports.send((position.passes + share) / cells[0].passes)

    return train_on_disk(
        cells,
        _splits,
        begun,
        _work.runs_dir,
        most_threads=_work.most_threads,
        checkpoint_seconds=_work.checkpoint_seconds,
        stop_signal=lambda: _signals[0] if _signals else None,
        on_progress=tell,
    )
