from collections.abc import Callable
from typing import Any

import pytest

from lecun89.bench.configurations import Configuration
from lecun89.bench.cost import Cost, measure_cost, time_steps
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from tests.bench.conftest import Clock, FakeEngine
from tests.conftest import GPU


def time_engine(engine: FakeEngine, seconds: float, **more: int) -> Cost:
    return time_steps(
        engine.run_steps,
        engine.steps_per_pass,
        lambda: engine.begin_pass(1, 0.1),
        "cpu",
        seconds,
        **more,
    )


@pytest.mark.parametrize(("step", "steps_per_pass"), [(4e-6, 7291), (1e-3, 7291), (0.02, 114)])
def test_every_sample_has_the_cost_of_a_step(
    clock: Clock, step: float, steps_per_pass: int
) -> None:
    cost = time_engine(FakeEngine(clock, step, steps_per_pass, 0), 1.0)
    assert cost.times == pytest.approx([step] * len(cost.times))
    assert cost.seconds_per_step == pytest.approx(step)
    assert len(cost.times) >= 15
    assert clock.now == pytest.approx(1.0, abs=0.1)
    assert cost.steps * step == pytest.approx(1.0, abs=0.1)


def test_a_long_step_is_timed_three_times_and_a_first_one_is_not(clock: Clock) -> None:
    engine = FakeEngine(clock, 10.0, 1, 0)
    cost = time_engine(engine, 1.0)
    assert (cost.times, cost.steps) == ([10.0] * 3, 3)
    assert len(engine.ran) == 4
    assert time_engine(engine, 1.0, least=1).times == [10.0]


def test_loading_is_no_part_of_a_step(clock: Clock) -> None:
    engine = FakeEngine(clock, 1e-3, 100, 0)
    loaded: list[float] = []

    def run_steps(first: int, last: int) -> None:
        if not loaded:
            clock.now += 60.0
            loaded.append(60.0)
        engine.run_steps(first, last)

    cost = time_steps(run_steps, 100, lambda: None, "cpu", 1.0)
    assert max(cost.times) == pytest.approx(1e-3)


@pytest.mark.parametrize(("steps_per_pass", "cost"), [(1, 0.75), (2, 0.5)])
def test_what_a_pass_draws_is_part_of_a_step_that_is_a_pass(
    clock: Clock, steps_per_pass: int, cost: float
) -> None:
    engine = FakeEngine(clock, 0.5, steps_per_pass, 0)

    def begin() -> None:
        clock.now += 0.25

    found = time_steps(engine.run_steps, steps_per_pass, begin, "cpu", 1.0)
    assert found.seconds_per_step == cost


def test_several_networks_step_side_by_side(
    clock: Clock, splits: dict[str, Digits], maker: Callable[..., Any]
) -> None:
    engines: list[FakeEngine] = []
    make = maker(step=1e-3, steps_per_pass=100)

    def kept(*arguments: Any) -> FakeEngine:
        engines.append(make(*arguments))
        return engines[-1]

    two = Configuration("2 networks", "cpu", "native", 1, networks=2)
    cost = measure_cost(two, "base", splits, 0.5, kept)
    first, second = engines
    assert first.ran == second.ran
    # This clock moves for one of them after the other.
    assert cost.seconds_per_step == pytest.approx(2e-3)


def test_a_stopwatch_counts_from_start_to_stop(clock: Clock) -> None:
    clock.now = 10.0
    watch = Stopwatch("cpu")
    clock.now = 11.0
    watch.start()
    clock.now = 13.5
    assert watch.stop() == 2.5


@pytest.mark.gpu
def test_a_stopwatch_waits_for_the_gpu() -> None:
    import torch

    a = torch.rand(4096, 4096, device=GPU)
    watch = Stopwatch(GPU)
    watch.start()
    for _ in range(20):
        a = a @ a
    # 20 products of 137 GFLOP each: no GPU does them in less than a millisecond.
    assert watch.stop() > 1e-3
