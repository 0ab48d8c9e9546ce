import pytest

from lecun89.bench.configurations import RECIPES, Configuration
from lecun89.bench.cost import Cost
from lecun89.bench.machine import Peak
from lecun89.bench.report import Row, as_document
from lecun89.bench.time_to_target import TimeToTarget

PEAK = Peak(1e11, 1e10)
NATIVE = Configuration("one at a time", "cpu", "native", 1)
STOCK = Configuration("one at a time", "cpu", "eager", 1)


def test_speedups_are_over_stock_pytorch_the_blog_and_the_paper() -> None:
    to_target = TimeToTarget([0.2, 0.4], [0.0, 0.0], [3.6, 3.7], 4.1)
    document = as_document(
        [
            Row(NATIVE, Cost([5e-6], 10), PEAK, RECIPES[1], to_target),
            Row(STOCK, Cost([1.7e-3], 10), PEAK, RECIPES[1], None, 49.0, to_target.mean_error),
        ],
        {"cuda": "none"},
        {"cpu": "A"},
        {"variant": "base"},
    )
    native, stock = document["rows"]
    assert native["speedup"]["eager_cpu"] == pytest.approx(340)
    assert stock["speedup"]["eager_cpu"] == 1
    assert stock["speedup"]["m1_2022"] == pytest.approx(90 / (167_693 * 1.7e-3))
    assert stock["speedup"]["sun4_1989"] == pytest.approx(259_200 / (167_693 * 1.7e-3))
    assert native["projected"] is False
    assert native["seconds_to_error"] == pytest.approx(0.3)
    assert native["race"]["error_percent"] == [3.6, 3.7]
    assert (stock["projected"], stock["race"], stock["reached"]) == (True, None, None)
    assert stock["seconds_to_error"] == 49.0
    # The same steps have the same error.
    assert stock["error_percent"] == pytest.approx(3.65)
    assert document["peaks"] == {"cpu": {"flops": 1e11, "bytes": 1e10}}
    assert document["configuration"] == {"variant": "base"}


def test_a_row_without_a_recipe_has_a_cost_alone() -> None:
    row = Row(Configuration("mini-batch 1024", "cpu", "eager", 1024), Cost([3e-3, 1e-3], 2), PEAK)
    (document,) = as_document([row], {}, {}, {})["rows"]
    assert (document["us_per_step"], document["least_us_per_step"]) == (2000, 1000)
    assert document["examples_per_second"] == pytest.approx(1024 / 2e-3)
    assert document["seconds_per_pass"] == pytest.approx(7291 / 1024 * 2e-3)
    assert document["speedup"]["eager_cpu"] is None
    assert (document["projected"], document["seconds_to_error"]) == (False, None)


def test_the_share_of_the_peak_is_of_all_cores() -> None:
    two = Configuration("2 networks", "cpu", "native", 1, networks=2)
    one, both = (Row(of, Cost([5e-6], 1), PEAK).peak_share for of in (NATIVE, two))
    assert one == both == pytest.approx(2 * 171_780 / 5e-6 / 1e11)
