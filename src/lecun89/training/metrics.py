"""metrics.jsonl: a line for each pass of a run. What the saved state does not cover is not read."""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lecun89.analysis.scores import Score
from lecun89.exceptions import FileFormatError, one_line
from lecun89.storage.files import append_text, read_limited, write_text
from lecun89.training.loop import PassResult

OF_CONTENT = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a JSON document of another content raises."""

_MAX_FILE = 512 << 20
_MAX_LINE = 1024


class Metrics:
    """The file while its run is trained: first written whole, then only added to.

    A kill leaves lines that the saved state does not cover, the last of them perhaps in part.
    Whoever resumes the run writes the file whole again before anything is added to it.
    """

    def __init__(self, path: Path) -> None:
        """The file at that path, of a run that nobody else trains."""
        self._path = path
        self._digest, self._digested = hashlib.sha256(), 0
        self._passes = self._size = 0  # of the file, as it was written here

    def save(self, results: Sequence[PassResult]) -> None:
        """Make the file that of these passes, which begin with those of the last time."""
        added = _lines(results[self._passes :])
        if self._passes and self._is_ours():
            append_text(self._path, added)
        else:  # it is of another session, or what was being added to it failed
            self._size, added = 0, _lines(results)
            write_text(self._path, added)
        self._passes = len(results)
        self._size += len(added)

    def sha256(self, results: Sequence[PassResult]) -> str:
        """Digest of the lines of these passes, which begin with those of the last time."""
        self._digest.update(_lines(results[self._digested :]).encode())
        self._digested = len(results)
        return self._digest.hexdigest()

    def _is_ours(self) -> bool:
        with suppress(OSError):
            return self._path.stat().st_size == self._size
        return False


def read_metrics(path: Path, passes: int, sha256: str | None, *, limit: int) -> list[PassResult]:
    """Results of the first passes.

    Args:
        path: of the file.
        passes: how many the saved state is after.
        sha256: digest of their lines, from the state.
        limit: passes that the file may have.

    Raises:
        FileFormatError: it is damaged.
    """
    if not passes:
        return []
    content = read_limited(path, min(_MAX_LINE * limit, _MAX_FILE))
    lines = content.replace(b"\r\n", b"\n").splitlines(keepends=True)[:passes]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    if len(lines) < passes:
        raise FileFormatError(f"{path} has {len(lines)} passes, the saved state {passes}")
    if sha256 != digest:
        raise FileFormatError(f"{path} is damaged: its digest does not match its content")
    try:
        results = [_result(json.loads(line)) for line in lines]
        if [result.number for result in results] != list(range(1, passes + 1)):
            raise ValueError("a pass is missing")
    except OF_CONTENT as error:
        raise FileFormatError(f"{path} is damaged: {one_line(error)}") from error
    return results


def _lines(results: Sequence[PassResult]) -> str:
    return "".join(json.dumps(_document(of), allow_nan=False) + "\n" for of in results)


def _document(result: PassResult) -> dict[str, Any]:
    document = asdict(result)
    return {"pass": document.pop("number"), **document}


def _result(document: dict[str, Any]) -> PassResult:
    result = PassResult(
        number=int(document["pass"]),
        lr=float(document["lr"]),
        seconds=float(document["seconds"]),
        train=_score(**document["train"]),
        test=_score(**document["test"]),
    )
    numbers = (result.lr, result.seconds, result.train.loss, result.test.loss)
    if not all(map(math.isfinite, numbers)) or max(result.train.total, result.test.total) >= 2**31:
        raise ValueError("a number is out of range")
    return result


def _score(loss: float, misses: int, total: int) -> Score:
    return Score(float(loss), int(misses), int(total))
