"""Downloads, which are torchvision's, in a process of their own.

Servers fall silent, drip or redirect without end, and torchvision waits for them. So it works in a
child process, which this one ends when next to nothing arrives. The other way round, the child
removes the files and ends itself as soon as this process is gone, in whatever way.
"""

import contextlib
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

from lecun89.exceptions import DataUnavailableError, one_line

SILENCE = 10.0
"""Seconds without a byte after which a connection is given up, and the next mirror tried."""

PATIENCE = 30.0
"""Seconds that the whole may take without `PROGRESS`; a slow line has all the time it needs."""

PROGRESS = 16 << 10  # bytes; torchvision writes 32 KiB at a time
MAX_BYTES = 64 << 20  # packed; MNIST has 12 MB and USPS 8

Name = Literal["MNIST", "USPS"]
"""A class of torchvision's."""


@contextlib.contextmanager
def downloaded(name: Name, advice: str) -> Iterator[Path]:
    """A directory with what torchvision downloads of a data set, for as long as it is looked at.

    Args:
        name: torchvision's class.
        advice: what to do when it cannot be had.

    Raises:
        DataUnavailableError: torchvision cannot be imported, or its mirrors did not deliver.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lecun89-") as directory,
        _child(name, directory) as messages,
    ):
        problem = _wait(name, Path(directory), messages)
        if problem:
            raise DataUnavailableError(f"{problem}: {advice}")
        yield Path(directory)


@contextlib.contextmanager
def _child(name: Name, directory: str) -> Iterator["queue.SimpleQueue[str]"]:
    # Not multiprocessing's spawn, which would run the script of a caller who has no main guard.
    code = (
        f"import sys; sys.path[:] = {[str(path) for path in sys.path]}; "
        f"from lecun89.data.download import _fetch; _fetch({name!r}, {directory!r})"
    )
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if on_terminal else subprocess.DEVNULL,  # torchvision's bars
        encoding="ascii",
        errors="backslashreplace",
        env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), directory),  # torch leaves things
        start_new_session=True,  # Ctrl-C is for the process that waits
    ) as child:
        messages: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(child.stdout, messages), daemon=True)
        reader.start()
        ended = False
        try:
            yield messages
            ended = True
        finally:
            child.kill()
            reader.join()
            if on_terminal and not ended:
                print(file=sys.stderr)  # below the bar


def _read(lines: IO[str], messages: "queue.SimpleQueue[str]") -> None:
    for line in lines:
        messages.put(line.rstrip("\n"))
    messages.put("failed the process of torchvision ended")


def _wait(name: Name, directory: Path, messages: "queue.SimpleQueue[str]") -> str:
    """What went wrong, or nothing, when all has been downloaded."""
    mirror, received, since = "", 0, time.monotonic()
    while True:
        with contextlib.suppress(queue.Empty):
            kind, _, text = messages.get(timeout=0.2).partition(" ")
            match kind:
                case "done":
                    return ""
                case "broken":
                    return f"cannot import torchvision, which downloads {name} ({text})"
                case "failed":
                    return f"could not download {name} ({text})"
                case "from":
                    mirror = text
        total = sum(path.stat().st_size for path in directory.rglob("*.[gb]z*"))
        # While torchvision is imported, there is nothing to wait for in vain.
        if not mirror or total >= received + PROGRESS:
            received, since = total, time.monotonic()
        received = min(received, total)  # a file that is fetched again starts at nothing
        if total > MAX_BYTES:
            return f"could not download {name} ({mirror} sends more than {MAX_BYTES >> 20} MiB)"
        if time.monotonic() - since > PATIENCE:
            return (
                f"could not download {name} "
                f"(next to nothing came from {mirror} for {PATIENCE:.0f} s)"
            )


def _fetch(name: Name, directory: str) -> None:
    """What the child does: fetch, say how that went, and stay until it is ended.

    Its lines: ``from`` and a mirror; at last ``done``, or ``broken`` or ``failed`` and why.
    """
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    out = os.fdopen(os.dup(1), "w", encoding="ascii", errors="backslashreplace")
    os.dup2(2, 1)  # what others print is no line of ours

    def say(line: str) -> None:
        print(line, file=out, flush=True)

    try:
        from torchvision.datasets import MNIST, USPS
    except Exception as error:  # a broken torchvision raises more than ImportError
        say(f"broken {one_line(error)}")
    else:
        socket.setdefaulttimeout(SILENCE)
        if name == "MNIST":
            problem = _fetch_mnist(MNIST, directory, say)
        else:
            problem = _fetch_usps(USPS.split_list.values(), directory, say)
        say(f"failed {problem}" if problem else "done")
    threading.Event().wait()


def _fetch_mnist(mnist: Any, directory: str, say: Callable[[str], None]) -> str:
    problems = []
    for mirror in list(mnist.mirrors):
        say(f"from {mirror}")
        mnist.mirrors = [mirror]  # of its own, torchvision tries the next after some errors only
        try:
            mnist(directory, download=True)
        except Exception as error:  # mirrors fail in as many ways as there are networks
            problems.append(f"{mirror}: {_reason(error)}")
        else:
            return ""
    return "; ".join(problems)


def _fetch_usps(files: Iterable[list[str]], directory: str, say: Callable[[str], None]) -> str:
    from torchvision.datasets.utils import download_url  # its class would parse what comes

    for url, file, md5 in files:
        say(f"from {url}")
        try:
            download_url(url, directory, file, md5)
        except Exception as error:
            return f"{url}: {_reason(error)}"
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no byte for {SILENCE:.0f} s"
    # Torchvision says first what it tried, and urllib that it is urllib.
    text = one_line(Exception(str(error).rpartition(" got:")[2] or type(error).__name__))
    return text.removeprefix("<urlopen error ").removesuffix(">")


def _end_with_parent(directory: str) -> None:
    os.read(0, 1)  # returns when the other end is closed, which is never written to
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(1)
