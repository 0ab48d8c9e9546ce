import math
import statistics

import pytest

from lecun89.analysis.statistics import student95, student_below, summarise
from lecun89.exceptions import UsageError
from lecun89.parsing import parse_seeds


def test_seeds_are_numbers_and_ranges() -> None:
    assert parse_seeds("0..9") == list(range(10))
    assert parse_seeds("1, 5,7") == [1, 5, 7]
    assert parse_seeds("3..3,1337") == [3, 1337]


@pytest.mark.parametrize(
    "text",
    ["", "a", "5..1", "1,,2", "0..4,3", "-1", "1.5", "0..99999999", "0..9999,10000", "0-9", "٣"],
)
def test_other_lists_of_seeds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def test_students_distribution_against_its_printed_table() -> None:
    printed = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 19: 2.093, 30: 2.042, 120: 1.980}
    for freedom, t in printed.items():
        assert student95(freedom) == pytest.approx(t, abs=5e-4)


def test_the_share_below_t() -> None:
    assert student_below(0, 9) == pytest.approx(0.5)
    assert student_below(-2.262, 9) == pytest.approx(0.025, abs=1e-4)
    assert student_below(1.833, 9) == pytest.approx(0.95, abs=1e-4)
    assert student_below(-40, 9) == pytest.approx(0, abs=1e-9)
    assert student_below(3.078, 1) == pytest.approx(0.9, abs=1e-4)


def test_a_sample_is_summarised() -> None:
    values = [4.04, 4.14, 4.33, 3.99, 4.19]
    summary = summarise(values)
    assert summary.mean == pytest.approx(statistics.mean(values))
    assert summary.deviation == pytest.approx(statistics.stdev(values))
    half = 2.776 * summary.deviation / math.sqrt(5)
    assert summary.interval95 == pytest.approx((summary.mean - half, summary.mean + half), abs=1e-3)
    alone = summarise([4.0])
    assert (alone.mean, alone.deviation) == (4.0, 0.0)
    assert alone.interval95 is None
