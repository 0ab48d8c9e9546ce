"""A clock that only moves when a test says so, and engines that move it."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.settings import Settings


class Clock:
    """What `Stopwatch` reads in place of the machine's clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class FakeEngine:
    """An engine whose steps take as long as they are told, and that keeps what it was told."""

    def __init__(
        self,
        clock: Clock,
        step: float,
        steps_per_pass: int,
        evaluation: float,
        beginning: float = 0.0,
    ) -> None:
        self.clock, self.step, self.evaluation = clock, step, evaluation
        self.beginning = beginning
        self.steps_per_pass = steps_per_pass
        self.passes: list[int] = []
        self.ran: list[tuple[int, int]] = []

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        self.passes.append(number)
        self.clock.now += self.beginning

    def run_steps(self, first: int, last: int) -> None:
        assert 0 <= first < last <= self.steps_per_pass
        self.ran.append((first, last))
        self.clock.now += (last - first) * self.step

    def end_pass(self) -> None:
        pass

    def scores(self, split: str) -> list[Score]:
        self.clock.now += self.evaluation
        return [Score(0.1, 30, 1000)]


Make = Callable[[Sequence[Settings], dict[str, Digits]], FakeEngine]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still until a test moves it."""
    clock = Clock()
    monkeypatch.setattr("lecun89.devices.time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


@pytest.fixture
def maker(
    clock: Clock,
) -> Callable[..., Callable[[Sequence[Settings], dict[str, Digits]], FakeEngine]]:
    """Makes what makes engines; each takes a time to make, to step and to evaluate."""

    def of(
        setup: float = 0.0, step: float = 0.0, steps_per_pass: int = 1, evaluation: float = 0.0
    ) -> Make:
        def make(trainings: Sequence[Settings], splits: dict[str, Digits]) -> FakeEngine:
            clock.now += setup
            return FakeEngine(clock, step, steps_per_pass, evaluation)

        return make

    return of
