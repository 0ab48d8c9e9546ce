"""Where the cells of a sweep are trained: executors of `concurrent.futures`.

Data travels to each worker once, not with every cell.
"""

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lecun89.data import load_training
from lecun89.exceptions import UsageError, missing_extra, one_line, shortened
from lecun89.settings import Settings
from lecun89.sweeps.cell import Outcome, Splits, train_cell
from lecun89.variants import Variant

_splits: Splits = {}  # of this worker


class Pool(Protocol):
    """Workers.

    Attributes:
        capacity: cells that are worth having in flight.
    """

    capacity: int

    def submit(self, cell: Settings) -> "Future[Outcome]":
        """Send a cell to a worker."""

    def renew(self) -> None:
        """Make up for what was lost with a worker."""


class LocalPool:
    """Processes of this machine, one for each cell in flight: a dead one costs that cell alone."""

    def __init__(self, workers: int, directory: Path, variants: dict[str, list[Variant]]) -> None:
        """No process yet; see `local_pool`."""
        self.capacity = workers
        self._data = (directory, variants)
        self._free: list[ProcessPoolExecutor] = []
        self._all: list[ProcessPoolExecutor] = []

    def submit(self, cell: Settings) -> "Future[Outcome]":
        """Send a cell to a process that has none."""
        worker = self._free.pop() if self._free else self._start()
        try:
            future = self._quietly(worker, cell)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)

        def free(done: "Future[Outcome]") -> None:
            if not done.cancelled() and not isinstance(done.exception(), BrokenExecutor):
                self._free.append(worker)

        future.add_done_callback(free)
        return future

    def renew(self) -> None:
        """Nothing: broken processes are not used again."""

    def close(self) -> None:
        """End every process, whatever it does; nobody will read its result."""
        for worker in self._all:
            # There is no public way to end what is running; shutdown forgets the processes.
            processes = list((getattr(worker, "_processes", None) or {}).values())
            worker.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(5)

    def _start(self) -> ProcessPoolExecutor:
        # Started afresh: a fork would copy whatever threads held when it was made.
        worker = ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_receive,
            initargs=self._data,
        )
        self._all.append(worker)
        return worker

    @staticmethod
    def _quietly(worker: ProcessPoolExecutor, cell: Settings) -> "Future[Outcome]":
        """Submit, which may start the process, so that Ctrl-C is for the one that waits."""
        if threading.current_thread() is not threading.main_thread():
            return worker.submit(_train, cell)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return worker.submit(_train, cell)
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def local_pool(workers: int, directory: Path, variants: dict[str, list[Variant]]) -> Iterator[Pool]:
    """Processes of this machine.

    Args:
        workers: how many.
        directory: the data directory, where the digits are ready.
        variants: that will be trained, by name of the data.
    """
    pool = LocalPool(workers, directory, variants)
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
    """
    check_address(address)
    from distributed import Client

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"no scheduler at --scheduler {address}: {one_line(error)}") from error

    class DaskPool:
        def __init__(self) -> None:
            threads = sum(client.nthreads().values())
            if threads == 0:
                raise UsageError(f"the scheduler at --scheduler {address} has no workers yet")
            self.capacity = 4 * threads
            self._executor = client.get_executor(pure=False)
            self.renew()

        def renew(self) -> None:
            # To every worker there is; one that joins later gets it from another, once.
            self._travelled = client.scatter(splits, broadcast=True, hash=False)

        def submit(self, cell: Settings) -> "Future[Outcome]":
            future: Future[Outcome] = self._executor.submit(train_cell, cell, self._travelled)
            return future

        def close(self) -> None:
            self._executor.shutdown(wait=False)

    with client:
        pool = DaskPool()
        try:
            yield pool
        finally:
            pool.close()


def _receive(directory: Path, variants: dict[str, list[Variant]]) -> None:
    global _splits
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _splits = {name: load_training(name, of, directory) for name, of in variants.items()}


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train(cell: Settings) -> Outcome:
    return train_cell(cell, _splits)


def is_lost(error: BaseException) -> bool:
    """Whether a cell was lost with its worker, rather than wrong by itself."""
    kinds = (BrokenExecutor, CancelledError, ConnectionError)
    return isinstance(error, kinds) or type(error).__name__ in ("KilledWorker", "CommClosedError")
