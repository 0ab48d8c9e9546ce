import numpy as np
import pytest

from lecun89.analysis.rejection import reject_for, rejection_curve


def outputs(*margins: float) -> np.ndarray:
    """Digits read as 0 with these margins over the second output."""
    array = np.full((len(margins), 10), -1.0)
    array[:, 0] = margins
    array[:, 1] = 0.0
    return array


def test_the_doubtful_digits_go_first() -> None:
    labels = np.array([0, 0, 7, 0, 0, 7, 0, 0, 0, 7])
    curve = rejection_curve(outputs(10, 9, 1, 8, 7, 4, 6, 5, 3, 2), labels)
    assert curve.accepted.tolist() == list(range(1, 11))
    assert curve.misses.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 2, 3]
    none = reject_for(curve, 0.0)
    assert (none.rejected, none.misses, none.threshold) == (4, 0, 5.0)
    some = reject_for(curve, 12.5)
    assert (some.rejected, some.misses, some.rejected_percent) == (2, 1, 20.0)
    assert reject_for(curve, 30.0).rejected == 0


def test_equal_margins_are_accepted_together() -> None:
    curve = rejection_curve(outputs(3, 2, 2, 2, 1), np.array([0, 0, 7, 0, 0]))
    assert curve.accepted.tolist() == [1, 4, 5]
    assert reject_for(curve, 10.0).rejected == 4


def test_an_error_out_of_reach_rejects_every_digit() -> None:
    found = reject_for(rejection_curve(outputs(2, 1), np.array([7, 0])), 1.0)
    assert (found.rejected, found.misses, found.threshold) == (2, 0, None)
    assert found.rejected_percent == pytest.approx(100)
