"""The digits in a picture: their ink, their places, and their lines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lecun89.reading.ink import (
    Floats,
    each_maximum,
    ink_of,
    lighter_ink,
    noise_of,
    require_scikit_image,
)
from lecun89.reading.lines import in_lines
from lecun89.reading.normalise import whole_ink
from lecun89.reading.parts import Part, has_labels, joined, split_wide, stacked
from lecun89.reading.rules import without_rules

_MOST = 6_000_000  # pixels in which digits are looked for; larger pictures are reduced
_EDGE = 0.45  # of a stroke's ink: where it ends
_FAINTEST = 0.06  # of black on white
_MOST_PARTS = 4_000


@dataclass(frozen=True)
class Found:
    """A digit that was found.

    Attributes:
        ink: (h, w) bytes, 0 for paper and 255 for a stroke.
        box: left, top, right, bottom in the picture.
        line: of text.
    """

    ink: npt.NDArray[np.uint8]
    box: tuple[int, int, int, int]
    line: int


def find_digits(colours: npt.NDArray[np.uint8]) -> list[Found]:
    """The digits of a picture (h, w, 3), line by line and from left to right.

    Raises:
        MissingExtraError: scikit-image is absent.
    """
    require_scikit_image()
    height, width = colours.shape[:2]
    factor = 1
    while (height // factor) * (width // factor) > _MOST:
        factor += 1
    if factor > 1:
        colours = np.asarray(Image.fromarray(colours).reduce(factor))
    if min(colours.shape[:2]) < 8:
        return []
    window = max(9.0, min(colours.shape[:2]) / 4)
    lighter = lighter_ink(colours, window)
    parts, labels, strokes = _parts(ink_of(colours, window, lighter))
    if parts and _height(parts) < window / 2:  # the finer, the less a shadow does
        finer = max(9.0, 0.8 * _height(parts))
        parts, labels, strokes = _parts(ink_of(colours, finer, lighter))
    if not parts:
        return []
    tall = _height(parts)
    digits = split_wide(joined(parts, tall), strokes, labels, tall)
    found = []
    for line, members in enumerate(in_lines([digit.box for digit in digits], tall)):
        for member in members:
            box = digits[member].box
            cut = _cut(strokes, labels, digits[member], tall)
            left, top, right, bottom = (factor * side for side in box)
            whole = (left, top, min(right, width), min(bottom, height))
            found.append(Found(cut, whole, line))
    return found


def whole_digit(colours: npt.NDArray[np.uint8]) -> list[Found]:
    """The one digit that a picture (h, w, 3) is of; none where nothing is drawn."""
    ink = whole_ink(colours)
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)).tolist() for axis in (1, 0))
    if not rows:
        return []
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return [Found(ink[top:bottom, left:right], (left, top, right, bottom), 0)]


def _parts(ink: Floats) -> tuple[list[Part], npt.NDArray[np.int32], Floats]:
    """Connected strokes, the picture of their labels, and ink as a share of a stroke's."""
    from skimage.measure import label

    noise = noise_of(ink)
    low = max(_FAINTEST, 4.5 * noise)
    ink = without_rules(ink, low)
    first, count = label(ink > low, connectivity=2, return_num=True)
    if not count:
        return [], first, ink
    strokes = _as_shares(ink, first, count, low)
    labels, count = label(strokes > _EDGE, connectivity=2, return_num=True)
    return _real(labels, count, ink), labels, strokes


def _as_shares(ink: Floats, labels: npt.NDArray[Any], count: int, low: float) -> Floats:
    """Ink divided by that of its stroke; what is too faint to be one is left out."""
    most = each_maximum(ink, labels, count)
    there = np.flatnonzero(labels)
    owner, values = labels.ravel()[there], ink.ravel()[there]
    core = values > most[owner] / 2
    size = np.bincount(owner[core], minlength=count + 1)
    level = np.bincount(owner[core], values[core], minlength=count + 1) / np.maximum(size, 1)
    usual = np.sort(values)[-max(1, len(values) // 4)]
    strong = (level > 0.3 * usual) & (level > 1.3 * low) & (size >= 3)
    shares = np.zeros(ink.size, np.float32)
    kept = strong[owner]
    shares[there[kept]] = values[kept] / level[owner[kept]]
    return shares.reshape(ink.shape)


def _real(labels: npt.NDArray[Any], count: int, ink: Floats) -> list[Part]:
    """The parts that may belong to digits: no specks, no frames, no edge of the paper."""
    from skimage.measure import regionprops

    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[0] = 0
    enough = areas >= max(3, np.sort(areas)[-min(_MOST_PARTS, count)])
    kept = np.where(enough[labels], labels, 0)
    height, width = labels.shape
    parts = []
    for region in regionprops(kept):
        top, left, bottom, right = region.bbox
        touches = (left == 0) + (top == 0) + (right == width) + (bottom == height)
        spans = max((bottom - top) / height, (right - left) / width)
        if touches and (spans > 0.4 or touches > 1):
            continue
        parts.append(Part((left, top, right, bottom), int(areas[region.label]), (region.label,)))
    return stacked(_inner(parts))


def _inner(parts: list[Part]) -> list[Part]:
    """Without those that go around two others which are not small: boxes, frames, rings."""
    boxes = np.array([part.box for part in parts]).reshape(-1, 4)
    kept = []
    for part in parts:
        left, top, right, bottom = part.box
        inside = (boxes[:, :2] > (left, top)).all(axis=1)
        inside &= (boxes[:, 2:] < (right, bottom)).all(axis=1)
        inside &= boxes[:, 3] - boxes[:, 1] > part.height / 8
        if inside.sum() < 2 or part.area > 0.2 * part.width * part.height:
            kept.append(part)
    return kept


def _height(parts: list[Part]) -> float:
    """The usual height of a digit: the median of the parts', by their ink."""
    ranked = sorted(parts, key=lambda part: part.height)
    areas = np.cumsum([part.area for part in ranked])
    return float(ranked[int(np.searchsorted(areas, areas[-1] / 2))].height)


def _cut(
    strokes: Floats, labels: npt.NDArray[Any], digit: Part, tall: float
) -> npt.NDArray[np.uint8]:
    """The ink of a digit, with the soft edge of its strokes and without its neighbours."""
    from skimage.morphology import dilation, footprint_rectangle

    left, top, right, bottom = digit.box
    view = np.s_[top:bottom, left:right]
    ink = np.clip((strokes[view] - 0.1) * (255 / 0.9), 0, 255)
    own = has_labels(labels[view], digit.labels)
    if digit.mask is not None:
        own &= digit.mask
    others = (labels[view] != 0) & ~own
    if others.any():
        side = 3 if tall < 60 else 5
        ink *= dilation(own, footprint_rectangle((side, side))) & ~others
    cut: npt.NDArray[np.uint8] = np.rint(ink).astype(np.uint8)
    return cut
