"""The cost of a step, by the clock of the device it runs on."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from lecun89.bench.configurations import Configuration
from lecun89.data import Digits
from lecun89.devices import Stopwatch
from lecun89.engines import Engine, get_engine
from lecun89.settings import engine_of

_SAMPLES = 20  # that share the time to spend
_LEAST_SAMPLES = 3  # of a step that alone takes more than its share


@dataclass(frozen=True)
class Cost:
    """What was measured of consecutive steps.

    Attributes:
        times: seconds of a step, of each sample.
        steps: steps in all samples together.
    """

    times: list[float]
    steps: int

    @property
    def seconds_per_step(self) -> float:
        """Median of the samples."""
        return statistics.median(self.times)


def time_steps(
    run_steps: Callable[[int, int], None],
    steps_per_pass: int,
    begin: Callable[[], None],
    device: str,
    seconds: float,
    least: int = _LEAST_SAMPLES,
) -> Cost:
    """Time samples of consecutive steps, after a first step that loads what is loaded once.

    Args:
        run_steps: does the steps from its first argument to before its second.
        steps_per_pass: how many there are.
        begin: begins the pass. Where the pass is a single step, what it draws is part of the cost.
        device: ``cpu``, ``cuda:N`` or ``mps``.
        seconds: to spend, more or less.
        least: samples to take, even if that takes longer.
    """
    watch = Stopwatch(device)

    def sample(first: int, steps: int) -> float:
        watch.start()
        if steps_per_pass == 1:
            begin()
        run_steps(first, first + steps)
        return watch.stop()

    begin()
    sample(0, 1)
    share = seconds / _SAMPLES
    times: list[float] = []
    first, steps, counted, spent = 0, 1, 0, 0.0
    while len(times) < least or spent < seconds:
        if first + steps > steps_per_pass:
            first = 0
        taken = sample(first, steps)
        first += steps
        spent += taken
        if taken < share / 2 and steps < steps_per_pass:  # too short to be timed well
            longer = max(2, min(10, round(share / max(taken, 1e-9))))
            steps = min(steps * longer, steps_per_pass)
        else:
            times.append(taken / steps)
            counted += steps
    return Cost(times, counted)


def measure_cost(
    configuration: Configuration,
    variant: str,
    splits: dict[str, Digits],
    seconds: float,
    make: Callable[..., Engine] = engine_of,
) -> Cost:
    """The cost of a configuration's step; with several networks, of a step of each of them.

    Args:
        configuration: what to measure.
        variant: name of the variant.
        splits: digits of ``train`` and ``test``.
        seconds: to spend, more or less; at least three samples are taken.
        make: makes the engines.
    """
    trainings = [
        configuration.settings(variant, "1989", seed)
        for seed in range(1, configuration.networks + 1)
    ]
    # Together where the engine can, else each on a thread of its own.
    size = get_engine(configuration.engine).most_networks
    groups = [trainings[first : first + size] for first in range(0, len(trainings), size)]
    engines = [make(group, splits) for group in groups]

    def begin() -> None:
        for engine, group in zip(engines, groups, strict=True):
            engine.begin_pass(1, [settings.lr for settings in group])

    def run_steps(first: int, last: int) -> None:
        _on_threads([partial(engine.run_steps, first, last) for engine in engines])

    return time_steps(run_steps, engines[0].steps_per_pass, begin, configuration.device, seconds)


def _on_threads(work: list[Callable[[], None]]) -> None:
    if len(work) == 1:
        work[0]()
        return
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(one) for one in work]:
            future.result()
