from pathlib import Path

import pytest

from lecun89.exceptions import FileFormatError
from lecun89.storage.files import read_limited, replacing, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_text(path, "old")
    with pytest.raises(OSError, match="No space left .*kept'"), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    write_text(tmp_path / "new", "text")
    (tmp_path / "plain").touch()
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_reading_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    assert read_limited(path, 10) == bytes(10)
    with pytest.raises(FileFormatError, match="larger than 9 bytes"):
        read_limited(path, 9)
    with pytest.raises(FileFormatError, match="is a directory"):
        read_limited(tmp_path, 9)
    with pytest.raises(FileFormatError, match="No such file"):
        read_limited(tmp_path / "none", 9)
