import errno
import hashlib
import os
from pathlib import Path

import pytest

from lecun89.analysis.scores import Score
from lecun89.exceptions import FileFormatError
from lecun89.training.loop import PassResult
from lecun89.training.metrics import Metrics, read_metrics

RESULTS = [
    PassResult(n, 0.03, 1.5, Score(0.1 / n, 3, 7291), Score(0.2 / n, 4, 2007)) for n in range(1, 6)
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def whole(path: Path, passes: int) -> bytes:
    """What the file is when it is written at once."""
    at_once = Metrics(path.with_name("at once"))
    at_once.save(RESULTS[:passes])
    content = path.with_name("at once").read_bytes()
    assert hashlib.sha256(content).hexdigest() == at_once.sha256(RESULTS[:passes])
    return content


def test_passes_are_added_to_what_is_there(path: Path) -> None:
    metrics = Metrics(path)
    metrics.save(RESULTS[:1])
    first = path.stat().st_ino
    for passes in (2, 2, 4, 5):
        metrics.save(RESULTS[:passes])
        assert path.read_bytes() == whole(path, passes)
        digest = metrics.sha256(RESULTS[:passes])
        assert read_metrics(path, passes, digest, limit=5) == RESULTS[:passes]
        assert read_metrics(path, 1, Metrics(path).sha256(RESULTS[:1]), limit=5) == RESULTS[:1]
    assert path.stat().st_ino == first  # it was never replaced


def test_what_the_state_does_not_cover_is_not_read_and_then_gone(path: Path) -> None:
    lines = whole(path, 5).splitlines(keepends=True)
    for left in (lines[2], lines[2] + lines[3], lines[2][:40], b"\0" * 300, b""):
        path.write_bytes(b"".join(lines[:2]) + left)
        digest = Metrics(path).sha256(RESULTS[:2])
        assert read_metrics(path, 2, digest, limit=5) == RESULTS[:2]
        again = Metrics(path)
        again.save(RESULTS[:3])
        again.save(RESULTS[:4])
        assert path.read_bytes() == whole(path, 4)


def test_after_a_failure_nothing_is_added_to_a_part_of_a_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics, sync = Metrics(path), os.fsync
    metrics.save(RESULTS[:1])

    def fail(handle: int) -> None:
        os.ftruncate(handle, path.stat().st_size - 7)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        metrics.save(RESULTS[:2])
    assert caught.value.filename == str(path)
    monkeypatch.setattr(os, "fsync", sync)
    metrics.save(RESULTS[:3])
    assert path.read_bytes() == whole(path, 3)
    path.unlink()  # whoever did it
    metrics.save(RESULTS[:4])
    assert path.read_bytes() == whole(path, 4)


def test_lines_of_windows_are_read_and_then_written_as_ours(path: Path) -> None:
    path.write_bytes(whole(path, 2).replace(b"\n", b"\r\n"))
    digest = Metrics(path).sha256(RESULTS[:2])
    assert read_metrics(path, 2, digest, limit=2) == RESULTS[:2]
    again = Metrics(path)
    again.save(RESULTS[:3])
    assert path.read_bytes() == whole(path, 3)
    with pytest.raises(FileFormatError, match="has 3 passes, the saved state 4"):
        read_metrics(path, 4, digest, limit=4)
