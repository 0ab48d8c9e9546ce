"""Pictures of every kind that Pillow reads, and those that it does not."""

import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lecun89.exceptions import FileFormatError, UsageError
from lecun89.reading.find import find_digits
from lecun89.reading.pictures import MOST_PIXELS, open_picture

# Red above, blue to the right, so that each orientation is another picture.
ARROW = np.full((20, 30, 3), 200, np.uint8)
ARROW[:5] = (200, 30, 30)
ARROW[:, 24:] = (30, 30, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_modes(mode: str) -> None:
    grey = np.full((20, 30), 255, np.uint8)
    grey[5:10, 5:10] = 0
    found = open_picture(Image.fromarray(grey).convert("RGB").convert(mode))
    assert found.shape == (20, 30, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - grey[:, :, None]).max() <= 2


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_contrast(tmp_path: Path, suffix: str) -> None:
    wide = np.full((20, 30), 60_000, np.uint16)
    wide[5:10] = 50_000
    path = tmp_path / f"wide.{suffix}"
    Image.fromarray(wide).save(path)
    found = open_picture(path)
    assert found[0, 0].tolist() == [60_000 // 257] * 3
    assert found[7, 0].tolist() == [50_000 // 257] * 3
    assert np.array_equal(open_picture(wide), found)


@pytest.mark.parametrize("values", [(0.0, 1.0), (-3.0, 5.0), (0.0, 255.0), (0, 70_000)])
def test_numbers_of_any_range_become_bytes(values: tuple[float, float], tmp_path: Path) -> None:
    array = np.full((20, 30), values[1], np.float32)
    array[5:10] = values[0]
    path = tmp_path / "numbers.tif"
    Image.fromarray(array).save(path)
    for found in (open_picture(path), open_picture(array), open_picture(Image.fromarray(array))):
        assert (found[0, 0, 0], found[7, 0, 0]) == (255, 0)


def test_transparency_is_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    clear.paste((10, 20, 30, 255), (5, 0, 10, 10))
    palette = clear.quantize(4)
    for number, image in enumerate((clear, clear.convert("LA"), palette)):
        image.save(tmp_path / f"{number}.png")
        found = open_picture(tmp_path / f"{number}.png")
        assert found[0, 0].tolist() == [255] * 3
        assert found[5, 7].max() < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_set_upright(orientation: int, tmp_path: Path) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(ARROW)
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(open_picture(tmp_path / "turned.png"), ARROW)


def png_of_size(width: int, height: int) -> bytes:
    """A file that says it is that large, and holds nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"not an image at all", "not an image"),
        (png_of_size(20, 20), "cannot read"),
        (png_of_size(7072, 7072), f"more than {MOST_PIXELS:,} pixels"),
        (png_of_size(10_000, 10_000), f"more than {MOST_PIXELS:,} pixels"),  # Pillow warns
        (png_of_size(100_000, 100_000), f"more than {MOST_PIXELS:,} pixels"),  # Pillow refuses
        (b"P5 99999999999 1 255\n", ""),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n", ""),
    ],
)
def test_what_is_no_picture_is_one_line(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    with warnings.catch_warnings(record=True) as leaked, pytest.raises(FileFormatError) as raised:
        warnings.simplefilter("always")
        open_picture(path)
    assert not leaked
    assert said in str(raised.value)
    assert "picture.png" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "tif", "webp", "bmp"])
def test_every_truncation_is_one_line_or_a_picture(suffix: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(ARROW).save(whole)
    content = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    refused = 0
    for length in range(1, len(content), max(1, len(content) // 60)):
        cut.write_bytes(content[:length])
        try:
            assert open_picture(cut).shape == ARROW.shape
        except FileFormatError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused


def test_a_directory_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="is a directory"):
        open_picture(tmp_path)


@pytest.mark.parametrize(
    "value",
    [object(), np.zeros(5), np.zeros((0, 4)), np.zeros((4, 4, 2)), np.full((9, 9), np.nan), "a\0b"],
)
def test_what_is_given_instead_of_a_picture(value: object) -> None:
    with pytest.raises((UsageError, FileFormatError)) as raised:
        open_picture(value)
    assert "\n" not in str(raised.value)


def test_what_would_be_waited_for_or_run_is_refused(tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "page.png", format="EPS")
    with pytest.raises(FileFormatError, match="PostScript"):
        open_picture(tmp_path / "page.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(FileFormatError, match="not a regular file"):
            open_picture(tmp_path / "fifo")


@pytest.mark.parametrize("size", [(1200, 30), (30, 1200), (8000, 8), (8, 8000)])
def test_a_picture_of_any_shape_is_looked_through(size: tuple[int, int]) -> None:
    pytest.importorskip("skimage", reason="the extra read")
    noise = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    find_digits(np.repeat(noise[:, :, None], 3, axis=2))
