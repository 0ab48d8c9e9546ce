"""Connected strokes put together to digits, and digits that touch taken apart."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lecun89.reading.ink import Floats

Box = tuple[int, int, int, int]

_WIDEST = 1.35  # of the usual height: wider ones are several
_FRAGMENT = 0.6  # of it: lower ones are part of a digit


@dataclass(frozen=True)
class Part:
    """Strokes that belong together.

    Attributes:
        box: left, top, right, bottom.
        area: pixels of ink.
        labels: of its strokes.
        mask: within the box, what of these strokes is its own; None for all.
    """

    box: Box
    area: int
    labels: tuple[int, ...]
    mask: npt.NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    @property
    def height(self) -> int:
        """In pixels."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box[2] - self.box[0]


def has_labels(labels: npt.NDArray[Any], wanted: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Where one of these labels is."""
    own: npt.NDArray[np.bool_] = labels == wanted[0]
    for one in wanted[1:]:
        own |= labels == one
    return own


def stacked(parts: list[Part]) -> list[Part]:
    """Parts right below each other joined: halves of a digit, of which the height is not known yet.

    Digits of two lines are too far from each other, or together too high for their width.
    """
    whole: list[Part] = []
    boxes = np.zeros((len(parts), 4))
    for part in sorted(parts, key=lambda part: part.box[1]):
        above = np.flatnonzero(_stack(boxes[: len(whole)], part))
        if len(above):
            place = int(above[0])
            whole[place] = _union(whole[place], part)
        else:
            place = len(whole)
            whole.append(part)
        boxes[place] = whole[place].box
    return whole


def _stack(boxes: npt.NDArray[np.float64], lower: Part) -> npt.NDArray[np.bool_]:
    """Which of the boxes are one digit with a part that does not begin above them."""
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    across = np.minimum(right, lower.box[2]) - np.maximum(left, lower.box[0])
    gap = lower.box[1] - bottom
    high = np.maximum(bottom, lower.box[3]) - top
    wide = np.maximum(right, lower.box[2]) - np.minimum(left, lower.box[0])
    near = np.where(high < 2.5 * wide, 0.12, 0.06) * high
    found: npt.NDArray[np.bool_] = across >= 0.5 * np.minimum(width, lower.width)
    found &= (gap <= near) & (gap >= -0.5 * np.minimum(height, lower.height))
    return found


def joined(parts: list[Part], tall: float) -> list[Part]:
    """Digits of their parts; specks, dashes and dots are left out.

    Args:
        parts: connected strokes.
        tall: usual height of a digit.
    """
    whole = [part for part in parts if part.area >= 0.004 * tall**2 and part.height < 3 * tall]
    whole.sort(key=lambda part: part.area)
    at = 0
    while at < len(whole):
        part = whole[at]
        other = _neighbour(part, whole, tall) if part.height < _FRAGMENT * tall else None
        if other is None:
            at += 1
            continue
        union = _union(part, whole[other])
        whole = [one for place, one in enumerate(whole) if place not in (at, other)]
        whole.append(union)
        whole.sort(key=lambda one: one.area)
    return [part for part in whole if part.height >= 0.4 * tall]


def _neighbour(part: Part, parts: list[Part], tall: float) -> int | None:
    """Place of the nearest part that makes one digit with it, if any."""
    boxes = np.array([one.box for one in parts], np.float64)
    left, top, right, bottom = part.box
    across = np.maximum(0, np.maximum(boxes[:, 0] - right, left - boxes[:, 2]))
    down = np.maximum(0, np.maximum(boxes[:, 1] - bottom, top - boxes[:, 3]))
    width = np.maximum(boxes[:, 2], right) - np.minimum(boxes[:, 0], left)
    height = np.maximum(boxes[:, 3], bottom) - np.minimum(boxes[:, 1], top)
    gap = np.hypot(across, down)
    fits = (gap <= 0.25 * tall) & (width <= 1.2 * tall) & (height <= 1.35 * tall)
    fits &= np.array([one is not part for one in parts])
    if not fits.any():
        return None
    # Of those as near, the one that grows least.
    cost = np.where(fits, gap + 0.5 * (height + width) / tall, np.inf)
    return int(cost.argmin())


def _union(a: Part, b: Part) -> Part:
    box = (*map(min, a.box[:2], b.box[:2]), *map(max, a.box[2:], b.box[2:]))
    return Part(box, a.area + b.area, a.labels + b.labels)  # type: ignore[arg-type]


def split_wide(
    parts: list[Part], strokes: Floats, labels: npt.NDArray[Any], tall: float
) -> list[Part]:
    """Parts that are too wide for one digit, cut where there is least ink from top to bottom."""
    made = []
    for part in parts:
        count = round(part.width / (0.8 * tall)) if part.width > _WIDEST * tall else 1
        made += _cut_apart(part, strokes, labels, count) if count > 1 else [part]
    return made


def _cut_apart(part: Part, strokes: Floats, labels: npt.NDArray[Any], count: int) -> list[Part]:
    from skimage.graph import route_through_array

    left, top, right, bottom = part.box
    ink = strokes[top:bottom, left:right]
    own = has_labels(labels[top:bottom, left:right], part.labels)
    height, width = ink.shape
    rows = np.arange(height)
    cuts = [np.zeros(height, np.intp)]
    for number in range(1, count):
        middle, reach = width * number // count, width // (2 * count)
        first = max(0, middle - reach)
        costs = 0.02 + np.clip(ink[:, first : middle + reach], 0, 1)
        start, end = (int(costs[row].argmin()) for row in (0, -1))
        path, _ = route_through_array(costs, (0, start), (height - 1, end))
        cut = np.zeros(height, np.intp)
        for row, column in path:
            cut[row] = first + column
        cuts.append(np.maximum(cut, cuts[-1]))
    cuts.append(np.full(height, width))
    columns = np.arange(width)
    made = []
    for before, after in itertools.pairwise(cuts):
        mask = own & (columns >= before[rows][:, None]) & (columns < after[rows][:, None])
        down, across = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        if not len(down):
            continue
        box = (left + across[0], top + down[0], left + across[-1] + 1, top + down[-1] + 1)
        inner = mask[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
        made.append(Part(tuple(map(int, box)), int(mask.sum()), part.labels, inner))  # type: ignore[arg-type]
    return made
