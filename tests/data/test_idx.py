import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from lecun89.data.idx import header, read_images, read_labels
from lecun89.exceptions import DataFormatError

IMAGES = struct.pack(">4I", 2051, 3, 28, 28) + bytes(range(256)) * 9 + bytes(48)
LABELS = struct.pack(">2I", 2049, 3) + bytes([7, 0, 9])


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_images_and_labels_are_read(tmp_path: Path, suffix: str) -> None:
    images = read_images(write(tmp_path / f"i{suffix}", IMAGES))
    assert images.shape == (3, 28, 28)
    assert header(images) + images.tobytes() == IMAGES
    labels = read_labels(write(tmp_path / f"l{suffix}", LABELS))
    assert labels.tolist() == [7, 0, 9]
    assert header(labels) + labels.tobytes() == LABELS


def images_of(*sizes: int, content: bytes = b"") -> bytes:
    return struct.pack(">4I", 2051, *sizes) + content


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no whole IDX header"),
        (IMAGES[:15], "no whole IDX header"),
        (LABELS + IMAGES, "not with the IDX magic number 0x00000803"),
        (IMAGES[:-1], "cut short: 2,352 bytes were declared"),
        (IMAGES + b"x", "bytes after its end"),
        (images_of(2**32 - 1, 28, 28), "declares 4294967295 x 28 x 28"),
        (images_of(1, 2**31, 2**31), "declares"),
        (images_of(60_001, 28, 28), "declares"),
        (images_of(3, 27, 28), "declares"),
        (images_of(60_000, 28, 28), "cut short"),
    ],
)
def test_hostile_images_are_refused(
    tmp_path: Path, suffix: str, content: bytes, message: str
) -> None:
    path = write(tmp_path / f"images{suffix}", content)
    with pytest.raises(DataFormatError, match=message) as caught:
        read_images(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_above_9_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="label 10 is no digit"):
        read_labels(write(tmp_path / "labels", LABELS[:-1] + b"\x0a"))


@pytest.mark.parametrize("damage", ["cut", "flip", "trailing"])
def test_a_damaged_gzip_is_refused(tmp_path: Path, damage: str) -> None:
    content = gzip.compress(IMAGES)
    broken = {
        "cut": content[:-20],
        "flip": content[:60] + bytes([content[60] ^ 255]) + content[61:],
        "trailing": content + b"more",
    }[damage]
    path = tmp_path / "images.gz"
    path.write_bytes(broken)
    with pytest.raises(DataFormatError, match=r"images\.gz is cut short or damaged"):
        read_images(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.gz", IMAGES + bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(DataFormatError, match="bytes after its end"):
        read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_an_empty_file_of_digits_is_read(tmp_path: Path) -> None:
    assert read_images(write(tmp_path / "none", images_of(0, 28, 28))).shape == (0, 28, 28)
    assert len(read_labels(write(tmp_path / "nol", struct.pack(">2I", 2049, 0)))) == 0
    assert np.uint8 == read_labels(tmp_path / "nol").dtype
