"""One digit in a picture, normalised as MNIST's digits were."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from lecun89.data import reduce_images
from lecun89.exceptions import UsageError, one_line
from lecun89.network.architecture import IMAGE_SIZE

_BOX, _SIDE = 20, 28
_FAINT = 32  # of 255: below, it is paper
_MOST_PIXELS = 50_000_000


def normalise(image: Any) -> npt.NDArray[np.float32]:
    """A digit as the network sees it, (16, 16) float32 from -1 to 1.

    Args:
        image: as `lecun89.predict` takes it.

    Raises:
        UsageError: it is no image, or nothing is drawn on it.
    """
    if isinstance(image, np.ndarray):
        if image.shape == (IMAGE_SIZE, IMAGE_SIZE) and image.dtype.kind == "f":
            if not (np.abs(image) <= 1).all():
                raise UsageError("an image (16, 16) of floats must be from -1 to 1")
            exact: npt.NDArray[np.float32] = image.astype(np.float32)
            return exact
        if image.shape == (_SIDE, _SIDE) and image.dtype == np.uint8:
            return _reduced(image)
    return _reduced(as_mnist(_ink(image)))


def _reduced(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    made: npt.NDArray[np.float32] = reduce_images(image[None])[0]
    return made


def as_mnist(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A digit as MNIST has them, (28, 28) bytes, 0 for the background.

    It is scaled into a box of 20x20, keeping its aspect, and moved until its centre of mass is
    that of the image (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").

    Args:
        ink: (h, w), 0 for the background.

    Raises:
        UsageError: nothing is drawn.
    """
    rows, columns = (np.flatnonzero((ink > _FAINT).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise UsageError("the image is blank: there is no digit on it")
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _BOX / max(cut.shape)
    height, width = (max(1, round(size * scale)) for size in cut.shape)
    small = np.asarray(
        Image.fromarray(cut).resize((width, height), Image.Resampling.LANCZOS), np.float64
    )
    mass = small.sum()
    y, x = (
        round((_SIDE - 1) / 2 - float((small.sum(axis=1 - axis) * np.arange(size)).sum() / mass))
        for axis, size in enumerate(small.shape)
    )
    y, x = min(max(y, 0), _SIDE - height), min(max(x, 0), _SIDE - width)
    made = np.zeros((_SIDE, _SIDE), np.uint8)
    made[y : y + height, x : x + width] = small
    return made


def _ink(image: Any) -> npt.NDArray[np.uint8]:
    """Grey values (h, w) of an image, 0 for its background, which is what most of its edge is."""
    grey = np.asarray(_opened(image).convert("L"))
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    background = float(np.median(edge))
    ink = np.abs(grey.astype(np.float64) - background)
    most = ink.max()
    return (ink * (255 / most)).astype(np.uint8) if most >= _FAINT else np.zeros_like(grey)


def _opened(image: Any) -> Image.Image:
    try:
        if isinstance(image, str | Path):
            with Image.open(image) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise UsageError(f"{image} has more than {_MOST_PIXELS:,} pixels")
                image = ImageOps.exif_transpose(opened)
        elif not isinstance(image, Image.Image):
            image = Image.fromarray(_as_bytes(np.asarray(image)))
        if image.has_transparency_data:
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image.convert("RGBA"))
    except (OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError) as error:
        kind = "is no image" if isinstance(error, UnidentifiedImageError) else "cannot be read"
        raise UsageError(f"the image {kind}: {one_line(error)}") from error
    opened_image: Image.Image = image
    return opened_image


def _as_bytes(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.size == 0 or array.ndim not in (2, 3):
        raise UsageError(f"an image is (height, width) or (height, width, 3), not {array.shape}")
    if array.dtype == np.uint8:
        return array
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise UsageError("the image holds values that are not finite")
    low, high = values.min(), values.max()
    scaled: npt.NDArray[np.uint8] = ((values - low) * (255 / (high - low or 1))).astype(np.uint8)
    return scaled
