"""One network and its training, for tests that have no use for several in step."""

from collections.abc import Callable, Iterator
from typing import Any

from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.engines import Engine
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings, engine_of
from lecun89.storage.tensorfile import Arrays
from lecun89.training import loop
from lecun89.training.loop import PassResult, Position


class Alone:
    """An engine of one network, whose methods take and give that network's values."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def begin_pass(self, number: int, lr: float) -> None:
        self.engine.begin_pass(number, [lr])

    def is_finite(self) -> bool:
        return self.engine.is_finite()[0]

    def score(self, split: str) -> Score:
        return self.engine.scores(split)[0]

    def state(self) -> Arrays:
        return self.engine.states()[0]

    def load_state(self, arrays: Arrays) -> None:
        self.engine.load_states([arrays])


def make_engine(settings: Settings, splits: dict[str, Digits]) -> Alone:
    """The engine of a training."""
    return Alone(engine_of([settings], splits))


def made(kind: Callable[..., Engine], settings: Settings, splits: Any, **more: Any) -> Alone:
    """An engine of that class."""
    values = {"device": settings.device, "batch_size": settings.step_size}
    return Alone(kind(settings.trained, [settings.seed], splits, **values, **more))


def fit(
    engine: Alone,
    settings: Settings,
    start: Position | None = None,
    on_slice: Callable[[Position], None] = lambda position: None,
) -> Iterator[PassResult]:
    """The passes of a training; divergence is raised."""
    for (outcome,) in loop.fit(engine.engine, [settings], start, on_slice):
        if isinstance(outcome, DivergedError):
            raise outcome
        yield outcome
