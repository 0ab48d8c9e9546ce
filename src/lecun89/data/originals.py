"""The digits before they were reduced to 16x16: what distortions read."""

from functools import cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from lecun89.data.digits import Digits
from lecun89.data.mnist import read_images
from lecun89.data.sets import get_data


def read_originals(digits: Digits) -> npt.NDArray[np.uint8] | None:
    """MNIST's images (n, 28, 28) of these digits, from this package; None for those of USPS.

    USPS's digits are published at 16x16.

    Raises:
        DataUnavailableError: this package's copy of MNIST is damaged or missing.
    """
    data = get_data(digits.data)
    if data.source == "usps":
        return None
    name = "t10k" if data.from_test_file(digits.split) else "train"
    with _reading:  # or threads that begin together would each unpack the file
        images = _read(f"{name}-images-idx3-ubyte")
    return images[digits.source_index]


_reading = Lock()


@cache
def _read(name: str) -> npt.NDArray[np.uint8]:
    return read_images(name)
