import math
import statistics

import pytest

from lecun89.analysis.statistics import (
    below_p,
    mcnemar_p,
    paired_p,
    student95,
    student_below,
    summarise,
    wilson95,
)
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
    assert (alone.mean, alone.deviation) == (4.0, None)
    assert alone.interval95 is None


@pytest.mark.parametrize("t", [-40.0, -5.0, -0.1, 0.5, 2.0, 77.0])
def test_students_distribution_against_its_closed_forms(t: float) -> None:
    one, three = math.atan(t), math.atan(t / 3**0.5) + t / 3**0.5 / (1 + t * t / 3)
    assert student_below(t, 1) == pytest.approx(0.5 + one / math.pi, abs=1e-8)
    assert student_below(t, 2) == pytest.approx(0.5 + t / math.sqrt(8 + 4 * t * t), abs=1e-8)
    assert student_below(t, 3) == pytest.approx(0.5 + three / math.pi, abs=1e-8)


@pytest.mark.parametrize(
    ("misses", "total", "low", "high"),
    [
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.00, 16.11),
        (1, 29, 0.61, 17.18),
    ],
)
def test_wilsons_interval_against_published_values(
    misses: int, total: int, low: float, high: float
) -> None:
    # Newcombe 1998, table I, method 3.
    assert wilson95(misses, total) == pytest.approx((low, high), abs=0.006)


def test_wilsons_interval_stays_within_0_and_100() -> None:
    assert wilson95(0, 10)[0] == 0
    assert wilson95(10, 10)[1] == pytest.approx(100)


@pytest.mark.parametrize(
    ("fixed", "broken", "p_value"),
    [
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (2, 10, 2 * (1 + 12 + 66) / 4096),
        (5, 5, 1.0),
        (1, 0, 1.0),
        (6, 0, 2 / 64),
        (0, 0, 1.0),
        (20_000, 19_000, 4.21684144737344e-07),  # by exact integers
    ],
)
def test_mcnemars_exact_test_by_hand(fixed: int, broken: int, p_value: float) -> None:
    assert mcnemar_p(fixed, broken) == pytest.approx(p_value, rel=1e-8)


def test_the_paired_test_against_a_published_example() -> None:
    # Student 1908, additional hours of sleep: t = -4.0621 with 9 degrees of freedom, p = 0.002833.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    differences = [a - b for a, b in zip(first, second, strict=True)]
    assert paired_p(differences) == pytest.approx(0.002833, abs=1e-6)
    assert paired_p([-d for d in differences]) == pytest.approx(0.002833, abs=1e-6)


def test_equal_differences_are_judged_by_their_sign() -> None:
    assert paired_p([-1] * 10) == 2 / 1024
    assert paired_p([0, 0]) == 1
    assert paired_p([3]) is None


def test_the_one_sided_test_by_hand() -> None:
    # t = (3.9 - 4.1) / (0.2 / sqrt(4)) = -2 with 3 degrees of freedom.
    spread = 0.2 * math.sqrt(3 / 4)
    values = [3.9 - spread, 3.9 + spread, 3.9 - spread, 3.9 + spread]
    assert below_p(values, 4.1) == pytest.approx(0.0697, abs=1e-4)
    assert below_p([5.0, 5.1], 4.1) == 1
    assert below_p([3.0], 4.1) == 1
    assert below_p([4.0, 4.0], 4.1) == 0
