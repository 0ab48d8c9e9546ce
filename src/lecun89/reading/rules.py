"""The ruled lines of paper, which are taken out of its ink."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_STRIP = 12  # pixels of a line that are looked at together
_SLOPES = np.linspace(-0.12, 0.12, 61)
_COVERED = 0.6  # of the picture's width, and one of its ends


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
    strips = width // _STRIP
    if strips < 4 or height < 8:
        return ink
    # A line is fainter than what is seen pixel by pixel, but it is there in most of them.
    raised = ink[:, : strips * _STRIP] > low / 2
    tall = raised.copy()
    tall[1:] |= raised[:-1]
    tall[:-1] |= raised[1:]
    shares = tall.reshape(height, strips, _STRIP).mean(axis=2)
    rows, columns = np.nonzero(shares > 0.75)
    if len(rows) < _COVERED * strips:
        return ink
    middles = (columns + 0.5) * _STRIP - width / 2
    at_end = (columns < 2) | (columns >= strips - 2)
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
    """Where a line runs there is as much ink as above or below it: strokes cross it unharmed."""
    height, width = ink.shape
    made = ink.copy()
    columns = np.arange(width)
    offsets = slope * (columns - width / 2)
    for first, last in runs:
        above, below = (
            np.clip(np.rint(offsets + row).astype(np.intp), 0, height - 1)
            for row in (first - 2, last + 1)
        )
        beside = np.maximum(ink[above, columns], ink[below, columns])
        for row in range(first - 1, last + 1):
            rows = np.rint(offsets + row).astype(np.intp)
            inside = (rows >= 0) & (rows < height)
            place = rows[inside], columns[inside]
            made[place] = np.minimum(ink[place], beside[inside])
    return made
