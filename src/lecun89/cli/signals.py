"""Ctrl-C, SIGTERM and SIGHUP: an end at once, or a question that a training asks between steps."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")  # the last when a terminal goes away


class StoppedError(BaseException):
    """A signal ends the process; on the way, what is half written is removed.

    Attributes:
        signum: the signal's number.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


def end_at_signals(call: Callable[[], None]) -> None:
    """Call it; meanwhile, signals that would kill the process raise `StoppedError` instead.

    After it they kill, Ctrl-C too: there is nothing left to be done. So does one that came when the
    call had already caught what it could.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise StoppedError(signum)

    ours = [which for which in _signals() if signal.getsignal(which) != signal.SIG_IGN]
    for which in ours:
        if which != signal.SIGINT:  # which is a KeyboardInterrupt already
            signal.signal(which, stop)
    try:
        try:
            call()
        finally:
            for which in ours:
                signal.signal(which, signal.SIG_DFL)
    except KeyboardInterrupt:
        _die(signal.SIGINT)
    except StoppedError as error:
        _die(error.signum)


@contextmanager
def stop_signals() -> Iterator[Callable[[], int | None]]:
    """Within the block, signals are kept instead of acted on; those that are ignored stay so.

    Yields:
        A function that returns the first of them, or None while there was none.
    """
    received: list[int] = []

    def keep(signum: int, frame: FrameType | None) -> None:
        received.append(signum)

    # nohup ignores SIGHUP, and a shell SIGINT for what it has in the background.
    taken = [which for which in _signals() if signal.getsignal(which) != signal.SIG_IGN]
    before = {which: signal.signal(which, keep) for which in taken}
    try:
        yield lambda: received[0] if received else None
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _die(signum: int) -> None:
    signal.signal(signum, signal.SIG_DFL)
    signal.raise_signal(signum)


def _signals() -> list[signal.Signals]:
    return [signal.Signals[name] for name in _STOPPING if hasattr(signal, name)]
