"""The ruled lines of paper, which are taken out of its ink."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_STRIPS = 24  # parts of a picture's width that are looked at, of 3 to 12 pixels
_SLOPES = np.linspace(-0.12, 0.12, 61)
_COVERED = 0.6  # of the picture's width, and one of its ends
_DARKER = 1.5  # times the ink of a line: a stroke on it


def without_rules(ink: Floats, low: float) -> Floats:
    """Ink without what runs straight through most of the picture, level or upright.

    Args:
        ink: (h, w), see `lecun89.reading.ink.ink_of`.
        low: what is less is paper.
    """
    level = _without_level(ink, low)
    return np.ascontiguousarray(_without_level(level.T, low).T)


def _without_level(ink: Floats, low: float) -> Floats:
    height, width = ink.shape
    side = min(max(width // _STRIPS, 3), 12)
    strips = width // side
    if strips < 8 or height < 8:
        return ink
    # A line is fainter than what is seen pixel by pixel, but it is there in most of them.
    raised = ink[:, : strips * side] > low / 2
    tall = raised.copy()
    tall[1:] |= raised[:-1]
    tall[:-1] |= raised[1:]
    shares = tall.reshape(height, strips, side).mean(axis=2)
    rows, columns = np.nonzero(shares > 0.75)
    if len(rows) < _COVERED * strips:
        return ink
    middles = (columns + 0.5) * side - width / 2
    at_end = (columns < 1) | (columns >= strips - 1)
    best, slope = 0.0, 0.0
    for tried in _SLOPES:
        starts = np.rint(rows - tried * middles).astype(np.intp)
        inside = (starts >= 0) & (starts < height)
        covered = np.bincount(starts[inside], minlength=height)
        ends = np.bincount(starts[inside & at_end], minlength=height)
        share = (covered / strips) * (ends > 0)
        score = float((share[share > _COVERED] ** 4).sum())
        if score > best:
            best, slope, found = score, float(tried), share
    if not best:
        return ink
    return _erased(ink, _runs(found > _COVERED, height), slope)


def _runs(rows: npt.NDArray[np.bool_], height: int) -> list[tuple[int, int]]:
    """First row and the one after the last of each line that is thin."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], rows, [False])).astype(np.int8)))
    runs = zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True)
    return [(first, last) for first, last in runs if last - first <= 6 + height // 40]


def _erased(ink: Floats, runs: list[tuple[int, int]], slope: float) -> Floats:
    """Where a line runs there is as much ink as above or below it, but for a stroke's."""
    height, width = ink.shape
    made = ink.copy()
    columns = np.arange(width)
    offsets = slope * (columns - width / 2)
    for first, last in runs:
        rows = np.rint(offsets + np.arange(first - 2, last + 2)[:, None]).astype(np.intp)
        near = ink[rows.clip(0, height - 1), columns]
        darker = _DARKER * float(np.median(near[1:-1].max(axis=0)))
        beside = np.maximum(near[0], near[-1])
        line = np.where(near > darker, near, np.minimum(near, beside))
        inside = (rows >= 0) & (rows < height)
        inside[[0, -1]] = False
        made[rows[inside], np.broadcast_to(columns, rows.shape)[inside]] = line[inside]
    return made
