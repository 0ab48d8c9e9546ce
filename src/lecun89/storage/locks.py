"""Locks between processes, also where the file system has none."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from lecun89.exceptions import Lecun89Error

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


@contextmanager
def exclusive(directory: Path, doing: str) -> Iterator[None]:
    """Within the block, no other process holds the lock of this directory.

    It is the system's lock of ``.lock``, which ends with its process. Where the file system has no
    locks, as some network ones, it is a file ``.lock.held``, which says who has it.

    Args:
        directory: holds the lock's file.
        doing: what the holder does, as in ``"training"``, for the message.

    Raises:
        Lecun89Error: another process has it.
        OSError: the file cannot be made.
    """
    path = directory / ".lock"
    lock: BaseFileLock = FileLock(path, timeout=0) if _works(path) else _soft(path)
    try:
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            lock = _soft(path)
            lock.acquire()
    except Timeout:
        soft = isinstance(lock, SoftFileLock)
        advice = f", or remove {lock.lock_file} if it has ended" if soft else ""
        reason = f"another process is {doing} {directory}: let it end{advice}"
        raise Lecun89Error(reason) from None
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        yield
    finally:
        with suppress(OSError):  # it ends with the process anyway
            lock.release()


def _soft(path: Path) -> BaseFileLock:
    # One that a dead process of this machine left is taken away first, which is a second try.
    return SoftFileLock(path.with_name(f"{path.name}.held"), timeout=0.5)


def _works(path: Path) -> bool:
    """Whether the file system has locks, asked without taking one."""
    try:
        import fcntl
    except ImportError:  # Windows, whose file systems all do
        return True
    # A link could lead to somebody's file.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_UN)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    finally:
        os.close(handle)
    return True
