"""One digit as the network sees it, normalised as MNIST's were, or the Postal Service's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lecun89.data import reduce_images
from lecun89.exceptions import UsageError
from lecun89.network.architecture import IMAGE_SIZE
from lecun89.reading.pictures import Colours, open_picture

Bytes = npt.NDArray[np.uint8]
Images = npt.NDArray[np.float32]
"""(16, 16) or (n, 16, 16), from -1 to 1."""

_BOX, _SIDE = 20, 28
_FAINT = 32  # of 255: below, it is paper


def normalise(image: Any, normalisation: str = "mnist") -> Images:
    """A digit as the network sees it, (16, 16) float32 from -1 to 1.

    Args:
        image: as `lecun89.predict` takes it.
        normalisation: ``mnist`` or ``usps``.

    Raises:
        FileFormatError: the file is missing or no image.
        UsageError: it is no image, or nothing is drawn on it.
    """
    if isinstance(image, np.ndarray):
        if image.shape == (IMAGE_SIZE, IMAGE_SIZE) and image.dtype.kind == "f":
            if not (np.abs(image) <= 1).all():
                raise UsageError("an image (16, 16) of floats must be from -1 to 1")
            exact: Images = image.astype(np.float32)
            return exact
        if image.shape == (_SIDE, _SIDE) and image.dtype == np.uint8:
            boxed = normalisation == "mnist"
            return _one({"boxed": image} if boxed else steps_of(image, normalisation))
    return _one(steps_of(whole_ink(open_picture(image)), normalisation))


def _one(steps: dict[str, Bytes]) -> Images:
    made: Images = seen([steps])[0]
    return made


def steps_of(ink: Bytes, normalisation: str) -> dict[str, Bytes]:
    """What is made of a digit's ink (h, w) before its last step, by name.

    Returns:
        ``boxed`` (28, 28) for ``mnist``, ``deskewed`` (h, w) for ``usps``.

    Raises:
        UsageError: nothing is drawn.
    """
    return {"deskewed": deskewed(ink)} if normalisation == "usps" else {"boxed": as_mnist(ink)}


def seen(digits: Sequence[dict[str, Bytes]]) -> Images:
    """What the network sees of digits, (n, 16, 16), from what `steps_of` made of each."""
    if "boxed" in digits[0]:
        made: Images = reduce_images(np.stack([steps["boxed"] for steps in digits]))
        return made
    return np.stack([as_usps(steps["deskewed"]) for steps in digits])


def as_mnist(ink: Bytes) -> Bytes:
    """A digit as MNIST has them, (28, 28) bytes, 0 for the background.

    It is scaled into a box of 20x20, keeping its aspect, and moved until its centre of mass is
    that of the image (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").

    Args:
        ink: (h, w), 0 for the background.

    Raises:
        UsageError: nothing is drawn.
    """
    small = _fitted(_cropped(ink), _BOX, Image.Resampling.LANCZOS).astype(np.float64)
    height, width = small.shape
    mass = small.sum()
    y, x = (
        round(_SIDE / 2 - float((small.sum(axis=1 - axis) * np.arange(size)).sum() / mass))
        for axis, size in enumerate(small.shape)
    )
    y, x = min(max(y, 0), _SIDE - height), min(max(x, 0), _SIDE - width)
    made = np.zeros((_SIDE, _SIDE), np.uint8)
    made[y : y + height, x : x + width] = small
    return made


def as_usps(ink: Bytes) -> Images:
    """A digit as the Postal Service's are, (16, 16) from -1 to 1.

    It fills the image from top to bottom or from side to side, keeping its aspect, in the middle.

    Args:
        ink: (h, w), 0 for the background.

    Raises:
        UsageError: nothing is drawn.
    """
    small = _fitted(_cropped(ink), IMAGE_SIZE, Image.Resampling.BILINEAR)
    height, width = small.shape
    y, x = (IMAGE_SIZE - height) // 2, (IMAGE_SIZE - width) // 2
    made = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.float32)
    made[y : y + height, x : x + width] = small
    return made / np.float32(127.5) - 1


def deskewed(ink: Bytes) -> Bytes:
    """Ink with its rows moved until its principal direction is upright, as far as rows can do that.

    Args:
        ink: (h, w), 0 for the background.

    Raises:
        UsageError: nothing is drawn.
    """
    ink = _cropped(ink)
    height, width = ink.shape
    mass = ink.astype(np.float64)
    y, x = np.arange(height) + 0.5, np.arange(width) + 0.5
    middle = float((mass.sum(axis=1) @ y) / mass.sum())
    along = mass.sum(axis=1) @ (y - middle) ** 2
    shear = float((y - middle) @ mass @ (x - width / 2) / along) if along else 0.0
    wider = int(np.ceil(abs(shear) * height))
    moved = Image.fromarray(ink).transform(
        (width + 2 * wider, height),
        Image.Transform.AFFINE,
        (1, shear, -wider - shear * middle, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    return _cropped(np.asarray(moved))


def whole_ink(colours: Colours) -> Bytes:
    """Ink (h, w) of a picture of one digit, whose background is what most of its edge is."""
    edge = np.concatenate((colours[0], colours[-1], colours[:, 0], colours[:, -1]))
    paper = np.median(edge, axis=0).astype(np.int16)
    ink = np.abs(colours - paper).max(axis=2)
    most = int(ink.max())
    if most < _FAINT:
        return np.zeros(ink.shape, np.uint8)
    scaled: Bytes = (ink * (255 / most)).astype(np.uint8)
    return scaled


def _cropped(ink: Bytes) -> Bytes:
    """What is not paper.

    Raises:
        UsageError: all of it is.
    """
    rows, columns = (np.flatnonzero((ink > _FAINT).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise UsageError("the image is blank: there is no digit on it")
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(cut: Bytes, side: int, filtered: Image.Resampling) -> Bytes:
    """Scaled until its longer side is that long."""
    scale = side / max(cut.shape)
    height, width = (max(1, round(size * scale)) for size in cut.shape)
    return np.asarray(Image.fromarray(cut).resize((width, height), filtered))
