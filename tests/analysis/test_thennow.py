import math

import pytest

from lecun89.analysis.thennow import BLOG_M1, LARGE_2022, PAPER_1989, Column, Projection, columns


def here(seconds: float = 1.5, year: int = 2026) -> Column:
    return Column(name="this machine", source="measured", year=year, training_seconds=seconds)


def test_1989_is_the_network_and_the_data_of_the_paper() -> None:
    assert (PAPER_1989.images, PAPER_1989.pixels) == (7291, 7291 * 256)
    assert (PAPER_1989.parameters, PAPER_1989.macs_per_image) == (9760, 63_660)
    assert PAPER_1989.macs_per_pass == 3 * 63_660 * 7291
    assert PAPER_1989.macs_per_second == pytest.approx(3 * 63_660 * 7291 * 23 / 259_200)
    assert set(PAPER_1989.factors.values()) == {1.0}


def test_the_large_networks_are_the_blogs() -> None:
    factors = LARGE_2022.factors
    # The blog rounds these to 100,000,000, 1,000,000 and 10,000,000.
    assert factors["pixels"] == pytest.approx(1e9 * 384 * 384 * 3 / (7291 * 256))
    assert factors["parameters"] == 1_000_000
    assert factors["macs_per_image"] == pytest.approx(1e12 / 63_660)
    assert factors["speed"] is factors["macs_per_second"] is factors["activations"] is None


def test_factors_are_against_1989() -> None:
    assert BLOG_M1.factors["speed"] == pytest.approx(2880)
    factors = here(1.5).factors
    assert factors["speed"] == factors["macs_per_second"] == pytest.approx(172_800)
    assert [column.name for column in columns(here())] == [
        "1989",
        "2022",
        "this machine",
        "large, 2022",
    ]


def test_2055_is_the_arithmetic_of_a_measured_rate() -> None:
    document = Projection(here(1.5, 2026)).as_document()
    rate = 3 * 63_660 * 7291 * 23 / 1.5
    a_pass = 3e12 * 1e9 / rate
    assert document == pytest.approx(
        {
            "times_as_large": 1e7,
            "larger_network_of_1989_seconds": 1.5e7,
            "large_2022_pass_seconds": a_pass,
            "large_2055_pass_seconds": 1e14 * a_pass,
            "years_since_1989": 37,
            "times_as_fast_since_1989": 172_800,
            "times_as_fast_a_year": 172_800 ** (1 / 37),
            "years_until_that_many_times_as_fast": 37 * math.log(1e7) / math.log(172_800),
            "times_as_fast_by_2055": 172_800 ** (29 / 37),
            "large_2022_pass_seconds_by_2055": a_pass / 172_800 ** (29 / 37),
        }
    )


def test_a_clock_that_is_not_set_breaks_nothing() -> None:
    assert Projection(here(year=1970)).years_since_1989 == 1
