"""Ctrl-C and SIGTERM as a question that a training asks between two steps."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[Callable[[], int | None]]:
    """Within the block, SIGINT and SIGTERM are kept instead of acted on.

    Yields:
        A function that returns the first of them, or None while there was none.
    """
    received: list[int] = []

    def keep(signum: int, frame: FrameType | None) -> None:
        received.append(signum)

    before = {which: signal.signal(which, keep) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: received[0] if received else None
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
