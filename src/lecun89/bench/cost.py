"""The cost of a step, by the clock of the device it runs on."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from lecun89.bench.ways import Way
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import Engine, Steps, make_engine, make_networks, trains_side_by_side

LEAST_SAMPLES = 5
LEAST_LONG_SAMPLES = 3  # of a step that alone takes more than its share of the time


def measure_cost(
    way: Way,
    variant: str,
    splits: dict[str, Digits],
    seconds: float,
    make: Callable[..., Engine] = make_engine,
) -> list[float]:
    """Seconds of a step, measured in samples of consecutive steps after a warm-up.

    With several networks a sample is a step of each of them, side by side.

    Args:
        way: what to measure.
        variant: name of the variant.
        splits: digits of ``train`` and ``test``.
        seconds: to spend, more or less; at least five samples are taken, three of a long step.
        make: makes the engines.

    Returns:
        Seconds per step of each sample.
    """
    trainings = [way.settings(variant, "1989", seed) for seed in range(1, way.networks + 1)]
    lrs = [settings.lr for settings in trainings]
    workers: list[Steps[Any]] = []
    if way.networks > 1 and trains_side_by_side(trainings[0]):
        networks = make_networks(trainings, splits)
        begins = [partial(networks.begin_pass, 1, lrs)]
        workers.append(networks)
    else:
        engines = [make(settings, splits) for settings in trainings]
        begins = [partial(e.begin_pass, 1, lr) for e, lr in zip(engines, lrs, strict=True)]
        workers += engines

    def begin() -> None:
        for one in begins:
            one()

    begin()
    steps_per_pass = workers[0].steps_per_pass
    watch = Stopwatch(way.device)

    def sample(first: int, steps: int) -> float:
        watch.start()
        if steps_per_pass == 1:  # so that what is drawn for a pass is a part of every step
            begin()
        _on_threads([partial(worker.run_steps, first, first + steps) for worker in workers])
        return watch.stop() / steps

    first = sample(0, 1)  # which also loads what is loaded once
    for _ in range(2):  # the first is only a guess at how many steps make a sample
        steps = max(1, min(round(seconds / 20 / max(first, 1e-7)), steps_per_pass))
        if steps > 1:
            first = sample(0, min(steps, max(1, steps_per_pass // 10)))
    times: list[float] = []
    began = time.perf_counter()
    at = 0
    least = LEAST_SAMPLES if first < seconds / LEAST_SAMPLES else LEAST_LONG_SAMPLES
    while len(times) < least or time.perf_counter() - began < seconds:
        if at + steps > steps_per_pass:
            at = 0
        times.append(sample(at, steps))
        at += steps
    return times


def _on_threads(work: list[Callable[[], None]]) -> None:
    if len(work) == 1:
        work[0]()
        return
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(one) for one in work]:
            future.result()
