import time
from collections.abc import Callable
from typing import Any

import pytest

from lecun89.bench.machine import Peak, measure_peak
from lecun89.bench.race import Race, run_race
from lecun89.bench.report import Row, as_document
from lecun89.bench.session import measure_rows, race_rows
from lecun89.bench.ways import RECIPES, Recipe, Way, list_ways
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import make_engine
from lecun89.settings import Settings

PEAK = Peak(1e11, 1e10)
MINI = Way("mini-batch", "cpu", "eager", 1024)
RECIPE = Recipe("fast", 1e-2, 1)


def slow(loading: float = 0.0, training: float = 0.0) -> Callable[..., Any]:
    """Engines that sleep where they are told to."""

    def make(settings: Settings, splits: dict[str, Digits]) -> Any:
        time.sleep(loading)
        engine = make_engine(settings, splits)
        run_steps = engine.run_steps

        def sleeping(first: int, last: int) -> None:
            time.sleep(training)
            run_steps(first, last)

        engine.run_steps = sleeping  # type: ignore[method-assign]
        return engine

    return make


def test_the_clock_runs_in_training_and_not_in_loading(splits: dict[str, Digits]) -> None:
    def seconds(make: Callable[..., Any]) -> tuple[float, float]:
        ((training, loading, error),) = run_race(MINI, RECIPE, splits, [1], make)
        assert 0 < error < 100
        return training, loading

    plain, _ = seconds(slow())
    loading, setup = seconds(slow(loading=1.0))
    training, _ = seconds(slow(training=1.0))
    assert setup > 1
    assert loading < plain + 0.8
    assert training > 1


def test_every_seed_counts_and_the_warm_up_does_not(splits: dict[str, Digits]) -> None:
    made = []

    def make(settings: Settings, digits: dict[str, Digits]) -> Any:
        made.append((settings.seed, int(digits["train"].labels[0])))
        return make_engine(settings, digits)

    runs = list(run_race(MINI, RECIPE, splits, [4, 5], make))
    assert len(runs) == 2
    label = int(splits["train"].labels[0])
    # The warm-up learns other labels, on an engine that is thrown away.
    assert made == [(4, (label + 1) % 10), (4, label), (5, label)]


@pytest.mark.parametrize(
    ("errors", "reached"),
    [
        ([3.6, 3.7, 3.5, 3.8, 3.6], True),
        ([4.2, 4.3, 4.2, 4.1, 4.2], False),
        ([4.0, 4.3, 3.8, 4.2, 4.0], False),
        ([3.0], False),
    ],
)
def test_a_mean_is_at_the_target_only_beyond_chance(errors: list[float], reached: bool) -> None:
    race = Race([1.0] * len(errors), [0.0] * len(errors), errors, 4.1)
    assert race.reached is reached


def test_the_p_value_is_students() -> None:
    # t = (3.9 - 4.1) / (0.2 / sqrt(4)) = -2 with 3 degrees of freedom.
    errors = [3.9 - 0.2, 3.9 + 0.2, 3.9 - 0.2, 3.9 + 0.2]
    deviation = 0.2 * (4 / 3) ** 0.5
    errors = [3.9 + (error - 3.9) * 0.2 / deviation for error in errors]
    assert Race([], [], errors, 4.1).p_value == pytest.approx(0.0697, abs=1e-4)
    assert Race([], [], [5.0, 5.1], 4.1).p_value == 1


def test_what_does_not_fit_is_projected_and_marked(splits: dict[str, Digits]) -> None:
    ways = [Way("mini-batch", "cpu", "eager", 64), Way("full batch", "cpu", "eager", None)]
    rows, broken = measure_rows(ways, "base", splits, 0.1)
    assert broken == {}
    (mini, full), broken = race_rows(rows, splits, range(10), 4.1, 0.0)
    assert broken == {}
    assert mini.race is None
    assert mini.projected_seconds is not None
    document = as_document([mini, full], {}, {}, {})
    first, second = document["rows"]
    assert first["projected"] is True
    assert first["reached"] is None
    assert first["seconds_to_error"] == mini.projected_seconds
    assert first["steps"] == 114 * RECIPES[64].passes
    assert second["projected"] is True
    assert second["steps"] == RECIPES[None].passes
    assert second["batch_size"] == "full"


def test_a_way_without_a_recipe_has_no_race(splits: dict[str, Digits]) -> None:
    rows, _ = measure_rows([MINI], "base", splits, 0.1)
    (row,), _ = race_rows(rows, splits, range(2), 4.1, 10.0)
    assert row.recipe is None
    (document,) = as_document([row], {}, {}, {})["rows"]
    assert document["projected"] is False
    assert document["seconds_to_error"] is None


def test_the_roof_is_the_lower_of_two_peaks() -> None:
    peak = Peak(flops=100.0, bytes=10.0)
    assert peak.roof(operations=50, traffic=1) == 100
    assert peak.roof(operations=5, traffic=1) == 50
    found = measure_peak("cpu")
    # Between a microcontroller and a supercomputer.
    assert 1e8 < found.flops < 1e13
    assert 1e8 < found.bytes < 1e13


def test_a_projection_has_the_error_of_the_same_steps() -> None:
    stock = Row(Way("one", "cpu", "eager", 1), [1.7e-3], PEAK)
    race = Race([0.2, 0.2], [0.0, 0.0], [3.6, 3.7], 4.1)
    document = as_document(
        [
            Row(Way("one", "cpu", "native", 1), [5e-6], PEAK, RECIPES[1], race),
            Row(stock.way, stock.times, PEAK, RECIPES[1], None, 49.0, race.mean_error),
        ],
        {},
        {},
        {},
    )
    native, eager = document["rows"]
    assert native["speedup"]["eager_cpu"] == pytest.approx(340)
    assert eager["speedup"]["eager_cpu"] == 1
    assert eager["error_percent"] == pytest.approx(3.65)
    assert eager["speedup"]["m1_2022"] == pytest.approx(90 / (167_693 * 1.7e-3))
    assert eager["speedup"]["sun4_1989"] == pytest.approx(259_200 / (167_693 * 1.7e-3))


def test_a_way_that_breaks_is_told_and_the_others_are_measured(
    splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(device: str) -> Peak:
        if device == "cpu":
            return PEAK
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("lecun89.bench.session.measure_peak", breaks)
    monkeypatch.setattr("lecun89.devices.set_up", lambda device, threads: None)
    ways = [Way("full batch", "cuda:0", "eager", None), MINI]
    rows, broken = measure_rows(ways, "base", splits, 0.1)
    assert [row.way for row in rows] == [MINI]
    (reason,) = broken.values()
    assert "illegal memory access" in reason


def test_a_race_that_breaks_is_told_and_its_cost_is_kept(
    splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: object) -> None:
        raise RuntimeError("CUDA error: out of memory")

    rows, _ = measure_rows([Way("mini-batch", "cpu", "eager", 64)], "base", splits, 0.1)
    monkeypatch.setattr("lecun89.bench.session.run_race", breaks)
    (row,), broken = race_rows(rows, splits, range(2), 4.1, None)
    assert row.times == rows[0].times
    assert row.race is None
    assert list(broken.values()) == ["CUDA error: out of memory"]


def test_ways_that_do_not_work_here_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lecun89.engines.native.why_absent", lambda: "no compiler")
    ways, absent = list_ways()
    assert absent["native engine"] == "no compiler"
    assert {way.engine for way in ways} == {"eager"}
    assert [way.batch_size for way in ways if way.device == "cpu"] == [1, 64, None]
    assert {name.partition(":")[0] for name in absent} <= {"cuda", "mps", "native engine"}
    assert all(way.device == "cpu" for way in list_ways("cpu")[0])


def test_a_stopwatch_counts_from_start_to_stop() -> None:
    watch = Stopwatch("cpu")
    time.sleep(0.05)
    watch.start()
    time.sleep(0.05)
    assert 0.05 <= watch.stop() < 0.09


@pytest.mark.gpu
def test_a_stopwatch_waits_for_the_gpu() -> None:
    import torch

    a = torch.rand(4096, 4096, device="cuda:0")
    watch = Stopwatch("cuda:0")
    watch.start()
    for _ in range(20):
        a = a @ a
    # 20 products of 137 GFLOP each: no GPU does them in less than a millisecond.
    assert watch.stop() > 1e-3
