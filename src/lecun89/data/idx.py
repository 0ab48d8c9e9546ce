"""Reader of MNIST's IDX files: everything is checked before anything is allocated.

Format: http://yann.lecun.com/exdb/mnist/ — a big-endian magic number (0, 0, 8 for unsigned
bytes, number of dimensions), a big-endian 32-bit size for each dimension, then the bytes.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.data.packed import unpacking
from lecun89.exceptions import DataFormatError

_IMAGES_MAGIC = 0x00000803
_LABELS_MAGIC = 0x00000801
_SIDE = 28
_MAX_DIGITS = 60_000
_MAX_BYTES = 48 << 20  # of the file; MNIST's largest has 47 MB


def read_images(path: Path) -> npt.NDArray[np.uint8]:
    """Images of an IDX file, plain, ``.gz`` or ``.xz``.

    Returns:
        Array (n, 28, 28) of bytes, 0 for the background.

    Raises:
        DataFormatError: magic number, dimensions or length are not those of MNIST images.
        DataUnavailableError: the file cannot be read.
    """
    count, content = _read(path, _IMAGES_MAGIC, (_SIDE, _SIDE))
    return np.frombuffer(content, np.uint8).reshape(count, _SIDE, _SIDE)


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """Labels of an IDX file, plain, ``.gz`` or ``.xz``.

    Returns:
        Array (n,) of the digits 0 to 9.

    Raises:
        DataFormatError: magic number or length are wrong, or a label is above 9.
        DataUnavailableError: the file cannot be read.
    """
    count, content = _read(path, _LABELS_MAGIC, ())
    labels = np.frombuffer(content, np.uint8)
    if count and labels.max() > 9:
        raise DataFormatError(f"{path}: label {labels.max()} is no digit")
    return labels


def header(array: npt.NDArray[np.uint8]) -> bytes:
    """The IDX header of an array that `read_images` or `read_labels` returned."""
    magic = _IMAGES_MAGIC if array.ndim == 3 else _LABELS_MAGIC
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape)


def _read(path: Path, magic: int, item_shape: tuple[int, ...]) -> tuple[int, bytes]:
    header_format = f">{2 + len(item_shape)}I"
    header_size = struct.calcsize(header_format)
    with unpacking(path, _MAX_BYTES) as source:
        start = source.read(header_size)
        if len(start) < header_size:
            raise DataFormatError(f"{path} is cut short: no whole IDX header")
        found, count, *shape = struct.unpack(header_format, start)
        if found != magic:
            raise DataFormatError(
                f"{path} starts with {found:#010x}, not with the IDX magic number {magic:#010x}"
            )
        if count > _MAX_DIGITS or tuple(shape) != item_shape:
            raise DataFormatError(
                f"{path} declares {' x '.join(map(str, (count, *shape)))} bytes, more or "
                "other than MNIST has"
            )
        size = count * int(np.prod(item_shape, dtype=np.int64))
        # One byte more than declared is asked for, so that a bomb is never unpacked further.
        content = source.read(size + 1)
    if len(content) != size:
        what = "is cut short" if len(content) < size else "has bytes after its end"
        raise DataFormatError(f"{path} {what}: {size:,} bytes were declared")
    return count, content
