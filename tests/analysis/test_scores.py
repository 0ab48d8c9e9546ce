import pytest

from lecun89.analysis.scores import Score


def test_wilson_interval_against_published_values() -> None:
    # Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for misses, total, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = Score(0.0, misses, total).interval95
        assert found == pytest.approx((100 * low, 100 * high), abs=0.006)


def test_interval_stays_within_0_and_100() -> None:
    assert Score(0.0, 0, 10).interval95[0] == 0
    assert Score(0.0, 10, 10).interval95[1] == pytest.approx(100)
