import pytest

from lecun89.analysis.scores import Score


def test_a_score_tells_its_error_and_its_interval_in_percent() -> None:
    score = Score(0.1, 81, 263)
    assert score.error_percent == pytest.approx(30.80, abs=0.005)
    assert score.interval95 == pytest.approx((25.53, 36.62), abs=0.006)


@pytest.mark.parametrize(("misses", "total"), [(-1, 10), (11, 10), (0, 0)])
def test_what_cannot_have_been_counted_is_refused(misses: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"{misses} misses of {total}"):
        Score(0.0, misses, total)
