"""How much ink is on each pixel: what differs from the paper around it, in any colour."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from lecun89.exceptions import missing_extra

Floats = npt.NDArray[np.float32]

_DARKEST = 0.35  # of the usual paper: what is darker is no paper in a shadow
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


def ink_of(colours: npt.NDArray[np.uint8], window: float, *, light: bool) -> Floats:
    """Ink (h, w): 0 for paper, about 1 for what is black on white.

    The paper is what a morphological closing leaves of the picture, so that it may be uneven, and
    have shadows with sharp edges; ink is what is darker in the channel where that shows most. Light
    ink on a dark ground is found by the same means on the negative.

    Args:
        colours: (h, w, 3).
        window: pixels; wider than any stroke.
        light: whether the ink is lighter than its ground.
    """
    from skimage.morphology import closing, footprint_rectangle

    shrink = max(1, min(colours.shape[:2]) // _COARSE)
    side = max(3, round(window / shrink)) | 1
    if light:
        colours = 255 - colours
    coarse = np.asarray(Image.fromarray(colours).reduce(shrink))
    footprint = footprint_rectangle((side, side), decomposition="separable")
    size = (colours.shape[1], colours.shape[0])
    most = np.zeros(colours.shape[:2], np.float32)
    for channel in range(3):
        closed = closing(np.ascontiguousarray(coarse[:, :, channel]), footprint)
        paper = np.asarray(
            Image.fromarray(closed).resize(size, Image.Resampling.BILINEAR), np.float32
        )
        ink = paper - colours[:, :, channel]
        # On light paper a share, which does not depend on the light that falls on it.
        ink /= 255.0 if light else np.maximum(paper, max(16.0, _DARKEST * float(np.median(closed))))
        np.maximum(most, ink, out=most)
    most -= np.median(most[:: 1 + len(most) // 500, :: 1 + most.shape[1] // 500])
    return most


def is_light(colours: npt.NDArray[np.uint8], window: float) -> bool:
    """Whether the ink is lighter than its ground: it is what there is less of.

    The edge of a shadow has as much on either side, and does not count.
    """
    image = Image.fromarray(colours).reduce(max(1, min(colours.shape[:2]) // _COARSE))
    reach = window * image.width / colours.shape[1] / 2
    grounds = np.asarray(image.filter(ImageFilter.BoxBlur(max(1.0, reach))), np.float32)
    skew = ((np.asarray(image) - grounds) ** 3).sum(axis=(0, 1))
    return bool(skew[np.abs(skew).argmax()] > 0)


def noise_of(ink: Floats) -> float:
    """Deviation of the ink on bare paper."""
    some = ink[:: 1 + len(ink) // 500, :: 1 + ink.shape[1] // 500]
    return float(1.4826 * np.median(np.abs(some)))


def each_maximum(values: Floats, labels: npt.NDArray[Any], count: int) -> Floats:
    """The greatest value of each label from 1 to count, at its place; 0 at place 0."""
    there = np.flatnonzero(labels)
    most = np.zeros(count + 1, np.float32)
    np.maximum.at(most, labels.ravel()[there], values.ravel()[there])
    return most
