"""How much ink is on each pixel: what differs from the paper around it, in any colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from lecun89.exceptions import missing_extra
from lecun89.reading.pictures import Colours

Floats = npt.NDArray[np.float32]

_DARKEST = 0.35  # of the usual paper: what is darker is no paper in a shadow
_SHOWN = 0.02  # of the cubed contrast of the channel with most
_COARSE = 120  # pixels of the shorter side on which the paper is looked for


def require_scikit_image() -> None:
    """Import what finding needs of scikit-image.

    Raises:
        MissingExtraError: it is not installed, or fails when imported.
    """
    try:
        import skimage.filters
        import skimage.measure  # noqa: F401
    except Exception as error:
        raise missing_extra("finding digits in a picture", "read", error) from error


def ink_of(colours: Colours, window: float, lighter: Sequence[bool | None]) -> Floats:
    """Ink (h, w): 0 for paper, about 1 for what is black on white.

    The paper is what a morphological closing leaves of the picture, so that it may be uneven, and
    have shadows with sharp edges; ink is what is darker in the channel where that shows most, so
    that no colour is lost. Lighter ink is found by the same means on the negative.

    Args:
        colours: (h, w, 3).
        window: pixels; wider than any stroke.
        lighter: of each channel, see `lighter_ink`.
    """
    from skimage.morphology import closing, footprint_rectangle

    height, width = colours.shape[:2]
    shrink = max(1, min(height, width) // _COARSE)
    side = max(3, round(window / shrink)) | 1
    footprint = footprint_rectangle((side, side), decomposition="separable")
    most = np.zeros((height, width), np.float32)
    for channel, light in enumerate(lighter):
        if light is None:
            continue
        values = np.ascontiguousarray(colours[:, :, channel])
        image = Image.fromarray(~values if light else values)
        closed = closing(np.asarray(image.reduce(shrink)), footprint)
        paper = np.asarray(
            Image.fromarray(closed).resize((width, height), Image.Resampling.BILINEAR), np.float32
        )
        ink = paper - np.asarray(image)
        # On light paper a share, which does not depend on the light that falls on it.
        usual = float(np.median(closed))
        ink /= 255.0 if light else np.maximum(paper, max(16.0, _DARKEST * usual))
        np.maximum(most, ink, out=most)
    most -= np.median(_some(most))
    return most


def lighter_ink(colours: Colours, window: float) -> list[bool | None]:
    """Of each channel whether ink is lighter in it than its ground; None where it hardly shows.

    It is what there is less of; the edge of a shadow has as much on either side, and does not
    count.
    """
    image = Image.fromarray(colours).reduce(max(1, min(colours.shape[:2]) // _COARSE))
    reach = window * image.width / colours.shape[1] / 2
    grounds = np.asarray(image.filter(ImageFilter.BoxBlur(max(1.0, reach))), np.float32)
    skew = ((np.asarray(image) - grounds) ** 3).sum(axis=(0, 1))
    shown = np.abs(skew) >= _SHOWN * np.abs(skew).max()
    return [bool(of > 0) if there else None for of, there in zip(skew, shown, strict=True)]


def noise_of(ink: Floats) -> float:
    """Deviation of the ink on bare paper."""
    return float(1.4826 * np.median(np.abs(_some(ink))))


def _some(ink: Floats) -> Floats:
    return ink[:: 1 + len(ink) // 500, :: 1 + ink.shape[1] // 500]


def each_maximum(values: Floats, labels: npt.NDArray[Any], count: int) -> Floats:
    """The greatest value of each label from 1 to count, at its place; 0 at place 0."""
    there = np.flatnonzero(labels)
    most = np.zeros(count + 1, np.float32)
    np.maximum.at(most, labels.ravel()[there], values.ravel()[there])
    return most
