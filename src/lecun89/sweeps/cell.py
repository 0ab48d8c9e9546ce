"""One cell of a sweep: a training in memory, wherever there is a processor for it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lecun89 import devices, engines
from lecun89.data import Digits
from lecun89.settings import Settings
from lecun89.storage.tensorfile import Arrays
from lecun89.training.loop import PassResult, fit

Splits = Mapping[str, dict[str, Digits]]
"""Digits of ``train`` and ``test``, by name of the data."""


@dataclass(frozen=True)
class Outcome:
    """What a training gave.

    Attributes:
        results: of its passes.
        state: after the last of them.
        machine: where it ran.
        seconds: wall time of everything.
    """

    results: list[PassResult]
    state: Arrays
    machine: dict[str, Any]
    seconds: float


def train_cell(settings: Settings, splits: Splits) -> Outcome:
    """Train to the end.

    Raises:
        DivergedError: the loss is not finite any more.
        UsageError: these settings cannot be trained here.
    """
    began = time.perf_counter()
    if settings.engine != "native":
        devices.set_up(settings.device, settings.threads)
    engine = engines.make_engine(settings, splits[settings.data])
    results = list(fit(engine, settings))
    machine = engines.describe_machine(settings)
    return Outcome(results, engine.state(), machine, time.perf_counter() - began)
