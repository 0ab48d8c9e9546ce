"""The one family of exceptions that this package raises on purpose.

::

    Lecun89Error
    ├── UsageError              a value that cannot be used
    ├── CheckFailedError        the work ran, and what it checked does not hold
    ├── DataUnavailableError    the digits could not be had
    │   └── DataFormatError     a source file of digits is not what it claims to be
    ├── FileFormatError         a run, a weights file or a checkpoint cannot be read
    ├── DeviceError             a device is absent, or computes something else
    ├── MissingExtraError       an optional dependency is not installed or broken
    ├── DivergedError           the loss is no longer finite
    └── InterruptedRunError     a signal stopped the run, whose checkpoint is written

Each message is one line: what failed, which value, what to do next.
"""

import difflib
import signal
from collections.abc import Iterable, Mapping, Sequence


class Lecun89Error(Exception):
    """Base of the family; `str()` of it is one line for the user."""


class UsageError(Lecun89Error):
    """A value that cannot be used: a name nobody knows, a number out of range, a conflict."""


class CheckFailedError(Lecun89Error):
    """The work ran to its end, and what it was asked to check does not hold."""


class DataUnavailableError(Lecun89Error):
    """The digits could not be had: offline, blocked, incomplete, or not the expected bytes."""


class DataFormatError(DataUnavailableError):
    """A source file of digits is not what it claims to be; nothing of it was used."""


class FileFormatError(Lecun89Error):
    """A run, a weights file or a checkpoint is missing, damaged or of another kind."""


class DeviceError(Lecun89Error):
    """A device is absent, or its results disagree with the CPU's."""


class MissingExtraError(Lecun89Error):
    """An optional dependency is not installed, or fails when it is imported."""


class DivergedError(Lecun89Error):
    """The loss or a weight is no longer finite."""


class InterruptedRunError(Lecun89Error):
    """A signal stopped the run after a whole step; its checkpoint is written.

    Attributes:
        signum: the signal's number, 2 for Ctrl-C, 15 for SIGTERM.
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signal.Signals(signum)


def one_line(error: BaseException) -> str:
    """What an exception of some library says, on one line of at most 200 characters."""
    return shortened(" ".join(str(error).split()) or type(error).__name__)


def printable(text: object) -> str:
    """Text for a terminal, with ``?`` for what it would act on: a name may hold anything."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def shortened(text: str, most: int = 200) -> str:
    """At most so many characters of a text, which may come from a file."""
    return text if len(text) <= most else text[: most - 3] + "..."


def missing_extra(work: str, extra: str, error: Exception) -> MissingExtraError:
    """The error for an optional dependency that failed to import.

    Args:
        work: what cannot be done without it, as in ``"drawing charts"``.
        extra: the extra that installs it.
        error: what its import raised; a broken package raises more than ImportError.
    """
    return MissingExtraError(
        f'{work} needs the extra "{extra}": pip install "lecun89[{extra}]" '
        f"({type(error).__name__}: {one_line(error)})"
    )


# What others call it, where that is not near to our name.
_SYNONYMS = {
    **dict.fromkeys(("val", "valid", "dev", "eval"), ("validation",)),
    "training": ("train",),
    "testing": ("test",),
    **dict.fromkeys(("gpu", "nvidia"), ("cuda",)),
    **dict.fromkeys(("metal", "apple"), ("mps",)),
    "mnist": ("1989", "full"),
    **dict.fromkeys(("zip", "zipcode", "zipcodes"), ("usps",)),
    "torch": ("eager",),
    **dict.fromkeys(("c++", "cpp", "c"), ("native",)),
    **dict.fromkeys(("pt", "pth"), ("torch",)),
    "pytorch": ("eager", "torch"),
}


def nearest(
    name: str, known: Iterable[str], synonyms: Mapping[str, Sequence[str]] = _SYNONYMS
) -> list[str]:
    """Which of the known names may have been meant; none where none is near.

    Args:
        name: what was given.
        known: names.
        synonyms: other words for them; what follows a space is a value that goes with the name.
    """
    names = list(known)
    meant = [one for one in synonyms.get(name.lower(), ()) if one.partition(" ")[0] in names]
    return meant or difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that no table holds: it lists the known ones, the nearest first.

    Args:
        kind: what the name should have named, as in ``"variant"``.
        name: what was given.
        known: every name that would have been right.
    """
    names = list(known)
    meant = " or ".join(map(repr, nearest(name, names)))
    hint = f"did you mean {meant}? " if meant else ""
    return UsageError(f"unknown {kind} {shortened(name)!r}: {hint}known: {', '.join(names)}")
