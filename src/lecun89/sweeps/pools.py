"""Where the cells of a sweep are trained: executors of `concurrent.futures`.

Data travels to each worker once, not with every cell.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from lecun89.exceptions import UsageError, one_line
from lecun89.settings import Settings
from lecun89.sweeps.cell import Outcome, Splits, train_cell

Submit = Callable[[Settings], "Future[Outcome]"]
"""Sends a cell to a worker."""

_splits: Splits = {}  # of this worker


@contextmanager
def local_pool(workers: int, splits: Splits) -> Iterator[Submit]:
    """Processes of this machine.

    Args:
        workers: how many.
        splits: the digits of every data set that will be trained on.
    """
    # Started afresh: a fork would copy whatever threads held when it was made.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_receive,
        initargs=(splits,),
    )
    try:
        yield lambda settings: pool.submit(_train, settings)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        # There is no other way to end what is running, and nobody will read its result.
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()


@contextmanager
def remote_pool(address: str, splits: Splits) -> Iterator[Submit]:
    """The workers of a Dask cluster.

    Args:
        address: of its scheduler, such as ``tcp://10.0.0.1:8786``.
        splits: the digits of every data set that will be trained on.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            f'--scheduler needs dask ({one_line(error)}): pip install "lecun89[cluster]"'
        ) from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"no scheduler at --scheduler {address}: {one_line(error)}") from error
    with client:
        # To every worker there is; one that joins later gets it from another, once.
        travelled = client.scatter(splits, broadcast=True, hash=False)
        pool = client.get_executor(pure=False)
        try:
            yield lambda settings: pool.submit(train_cell, settings, travelled)
        finally:
            pool.shutdown(wait=False)


def _receive(splits: Splits) -> None:
    global _splits
    _splits = splits
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits


def _train(settings: Settings) -> Outcome:
    return train_cell(settings, _splits)


def describe(error: BaseException) -> str:
    """What broke, in a line."""
    return f"{type(error).__name__}: {one_line(error)}"


def is_lost(error: BaseException) -> bool:
    """Whether a cell was lost with its worker, rather than wrong by itself."""
    from concurrent.futures import BrokenExecutor, CancelledError

    names: tuple[Any, ...] = (BrokenExecutor, CancelledError, ConnectionError, OSError)
    return isinstance(error, names) or type(error).__name__ in ("KilledWorker", "CommClosedError")
