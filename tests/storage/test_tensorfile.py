import json
from pathlib import Path

import numpy as np
import pytest

from lecun89.exceptions import FileFormatError
from lecun89.storage import tensorfile

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(7, np.uint8)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.safetensors"
    tensorfile.write(path, "thing", ARRAYS, {"note": "x"})
    return path


def test_what_was_written_is_read(path: Path) -> None:
    arrays, header = tensorfile.read(path, "thing", limit=10_000)
    assert arrays.keys() == ARRAYS.keys()
    assert all(np.array_equal(arrays[key], ARRAYS[key]) for key in ARRAYS)
    assert header["note"] == "x"


def test_the_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    tensorfile.write(again, "thing", ARRAYS, {"note": "x"})
    assert again.read_bytes() == path.read_bytes()


def test_every_flipped_byte_and_every_cut_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    damaged = [content[:length] for length in range(len(content))]
    for index in range(len(content)):
        flipped = bytearray(content)
        flipped[index] ^= 0x41
        damaged.append(bytes(flipped))
    for broken in damaged:
        path.write_bytes(broken)
        with pytest.raises(FileFormatError):
            tensorfile.read(path, "thing", limit=10_000)


def test_another_kind_or_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileFormatError, match="holds 'thing', not stuff"):
        tensorfile.read(path, "stuff", limit=10_000)
    monkeypatch.setattr(tensorfile, "FORMAT_VERSION", 2)
    with pytest.raises(FileFormatError, match="format version 1, this lecun89 reads 2"):
        tensorfile.read(path, "thing", limit=10_000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        (2**62).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (6).to_bytes(8, "little") + b"[" * 6,
        b"GIF89a" + bytes(1000),
    ],
)
def test_other_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        tensorfile.read(path, "thing", limit=10_000)
    assert "\n" not in str(caught.value)


def test_a_header_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"lecun89": json.dumps({"kind": "thing", "format_version": 1})},
        "a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "liar"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(FileFormatError, match="damaged"):
        tensorfile.read(path, "thing", limit=10_000)
