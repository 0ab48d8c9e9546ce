"""The digits of ``1989`` as the page holds them: MNIST's bytes, compressed."""

import zlib
from pathlib import Path

import numpy as np

from lecun89.data import load
from lecun89.data.originals import read_originals

SPLITS = ("train", "test")


def pack_digits(directory: Path) -> bytes:
    """All images (28, 28) of bytes, train before test, then all labels; deflated (RFC 1950).

    Args:
        directory: the data directory, with 1989 in it or not yet.

    Raises:
        DataUnavailableError: the digits are damaged and cannot be made again.
    """
    digits = [load("1989", split, directory) for split in SPLITS]
    images = [np.asarray(read_originals(of), np.uint8) for of in digits]
    labels = [of.labels.astype(np.uint8) for of in digits]
    return zlib.compress(b"".join(array.tobytes() for array in (*images, *labels)), 9)
