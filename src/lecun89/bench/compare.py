"""Two results side by side."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lecun89.exceptions import (
    CheckFailedError,
    FileFormatError,
    UsageError,
    one_line,
    shortened,
)
from lecun89.storage.files import read_limited

_MAX_BYTES = 256 << 10  # a result takes 24 kB
_NO_RESULT = "the other result is not one of `lecun89 bench --save`"
_MACHINE = ("cpu", "cores", "platform", "torch", "gpu", "threads")
_ANYWAY = "use --any-machine to compare anyway"


@dataclass(frozen=True)
class Comparison:
    """One row that both results have.

    Attributes:
        name, device, engine: of the row.
        ratio: microseconds of a step, now over then; above 1 is slower.
    """

    name: str
    device: str
    engine: str
    ratio: float


def read_result(path: Path) -> dict[str, Any]:
    """What `lecun89 bench --save` wrote.

    Raises:
        FileFormatError: it is no such file.
    """
    try:
        document = json.loads(read_limited(path, _MAX_BYTES))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is not JSON: {one_line(error)}") from error
    if not isinstance(document, dict):
        raise FileFormatError(f"{path} is not a result of `lecun89 bench --save`")
    return document


def check_comparable(now: dict[str, Any], then: dict[str, Any]) -> None:
    """Refuse results of another machine or configuration.

    Raises:
        UsageError: naming the first value that differs.
        FileFormatError: `then` is no result of bench.
    """
    try:
        for name in _MACHINE:
            here, there = (_system(name, one["machine"].get(name)) for one in (now, then))
            if here != there:
                raise UsageError(
                    f"the other result has {name} {_words(there)}, this one {_words(here)}: "
                    f"{_ANYWAY}"
                )
        if now["configuration"]["variant"] != then["configuration"]["variant"]:
            raise UsageError(
                f"the other result is of variant {_words(then['configuration']['variant'])}: "
                f"{_ANYWAY}"
            )
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise FileFormatError(_NO_RESULT) from None


def compare(now: dict[str, Any], then: dict[str, Any]) -> list[Comparison]:
    """The rows that both results have.

    Raises:
        FileFormatError: `then` is no result of bench, or has no row of this one.
    """

    def key(row: dict[str, Any]) -> tuple[str, str, str]:
        return str(row["name"]), str(row["device"]), str(row["engine"])

    try:
        before = {key(row): float(row["us_per_step"]) for row in then["rows"]}
        if not all(1e-9 <= cost <= 1e15 for cost in before.values()):
            raise ValueError("no cost of a step")
        pairs = [
            Comparison(*key(row), row["us_per_step"] / before[key(row)])
            for row in now["rows"]
            if key(row) in before
        ]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        raise FileFormatError(_NO_RESULT) from None
    if not pairs:
        raise FileFormatError("the other result has no row in common with this one")
    return pairs


def check_not_slower(comparisons: Iterable[Comparison], percent: float, than: Path) -> None:
    """Refuse a step that takes longer than before by more than so many percent.

    Raises:
        CheckFailedError: naming the row that became slowest, and the file it is compared with.
    """
    worst = max(comparisons, key=lambda one: one.ratio)
    if worst.ratio > 1 + percent / 100:
        raise CheckFailedError(
            f"{worst.name} on {worst.device}, {worst.engine}: a step takes {worst.ratio:.2f} "
            f"times as long as in {than}"
        )


def _system(name: str, value: Any) -> Any:
    """The value; of a platform the system alone, since an update of its kernel changes the rest."""
    return str(value).partition("-")[0] if name == "platform" else value


def _words(value: object) -> str:
    return shortened(" ".join(str(value).split()))
