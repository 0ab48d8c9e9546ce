"""The paper's trade-off: refuse to read the doubtful digits, and be right on the others.

Source: LeCun et al. 1989, section 4; a digit is rejected when its largest output is too little
above the second. The paper rejects 12.1% of the test digits for 1% error on the rest.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PAPER_ERROR, PAPER_REJECTED = 1.0, 12.1

ERRORS = (0.5, 1.0, 2.0, 3.0)
"""In percent, what `rejections` asks for beside what it is asked for."""


@dataclass(frozen=True)
class RejectionCurve:
    """Error on the accepted digits for every number of them.

    Attributes:
        accepted: numbers of accepted digits that some threshold gives, rising.
        misses: misses among them.
        thresholds: the smallest margin accepted.
        total: digits in the split.
    """

    accepted: npt.NDArray[np.int64]
    misses: npt.NDArray[np.int64]
    thresholds: npt.NDArray[np.float64]
    total: int

    @property
    def errors_percent(self) -> npt.NDArray[np.float64]:
        """Error on the accepted digits, in percent."""
        return 100 * self.misses / self.accepted

    @property
    def rejected_percent(self) -> npt.NDArray[np.float64]:
        """Rejected digits in percent of all."""
        return 100 * (1 - self.accepted / self.total)


@dataclass(frozen=True)
class Rejection:
    """The fewest rejections that reach an error.

    Attributes:
        error_percent: the error asked for.
        rejected: digits rejected.
        total: digits in the split.
        misses: misses among the accepted.
        threshold: smallest margin accepted; None when every digit is rejected.
    """

    error_percent: float
    rejected: int
    total: int
    misses: int
    threshold: float | None

    @property
    def rejected_percent(self) -> float:
        """Rejected digits in percent of all."""
        return 100 * self.rejected / self.total


def margins_of(outputs: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The largest output less the second, (n,), of outputs (n, 10)."""
    ranked = np.sort(outputs.astype(np.float64), axis=1)
    margins: npt.NDArray[np.float64] = ranked[:, -1] - ranked[:, -2]
    return margins


def rejection_curve(
    outputs: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]
) -> RejectionCurve:
    """Accept the digits by falling margin between their two largest outputs.

    Args:
        outputs: (n, 10).
        labels: (n,).
    """
    margins = margins_of(outputs)
    order = np.argsort(-margins, kind="stable")
    margins = margins[order]
    misses = np.cumsum((outputs.argmax(axis=1) != labels)[order])
    # A threshold cannot part digits of the same margin.
    ends = np.flatnonzero(np.append(margins[1:] < margins[:-1], True))
    return RejectionCurve(ends + 1, misses[ends], margins[ends], len(labels))


def rejections(curve: RejectionCurve, error_percent: float | None = None) -> list[Rejection]:
    """The fewest rejections for each of `ERRORS`, and for one more error, by rising error."""
    errors = {*ERRORS} if error_percent is None else {*ERRORS, error_percent}
    return [reject_for(curve, error) for error in sorted(errors)]


def reject_for(curve: RejectionCurve, error_percent: float) -> Rejection:
    """The fewest rejections for at most that error on the accepted digits."""
    enough = np.flatnonzero(curve.errors_percent <= error_percent)
    if not len(enough):
        return Rejection(error_percent, curve.total, curve.total, 0, None)
    best = enough[-1]
    return Rejection(
        error_percent,
        curve.total - int(curve.accepted[best]),
        curve.total,
        int(curve.misses[best]),
        float(curve.thresholds[best]),
    )


Thresholds = list[tuple[float, float]]
"""Error in percent and the threshold that keeps to it, by rising error; see `thresholds`."""


def thresholds(curve: RejectionCurve) -> Thresholds:
    """The threshold of the fewest rejections for any error: that of the last entry not above it.

    The first one is of the least error that can be had, and 0, for all digits, is the last.
    """
    errors = curve.errors_percent
    least_after = np.append(np.minimum.accumulate(errors[::-1])[::-1][1:], np.inf)
    best = np.flatnonzero(errors < least_after)
    found = [(float(errors[place]), float(curve.thresholds[place])) for place in best]
    return [*found[:-1], (found[-1][0], 0.0)]


def threshold_of(found: Thresholds, error_percent: float) -> float:
    """The threshold for an error in percent; infinity where only rejecting all digits is enough."""
    enough = [threshold for error, threshold in found if error <= error_percent]
    return enough[-1] if enough else math.inf
