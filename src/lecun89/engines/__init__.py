"""How steps are executed: one file per engine, behind one protocol; `choose` picks one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import native
from lecun89.exceptions import unknown_name
from lecun89.scores import Score
from lecun89.settings import Settings
from lecun89.tensorfile import Arrays

ENGINES = {
    "native": "C++, one example at a time, on the CPU",
    "eager": "PyTorch's autograd, on any device, at any batch size",
}
"""Engines by name, with what they are."""


class Engine(Protocol):
    """The state of one training, and the means to advance it.

    A pass is `begin_pass`, then `run_steps` until `steps_per_pass`, then `end_pass`. Between any
    two calls, `state` holds all that another engine of the same settings needs to go on to the
    same bits: weights, optimizer, random state. Within a pass, that other engine is first given
    the state, then `begin_pass` again, then the steps that are left.
    """

    steps_per_pass: int

    def begin_pass(self, number: int, lr: float) -> None:
        """Begin a pass, counted from 1: set the learning rate, draw what is drawn once for it."""

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""

    def end_pass(self) -> None:
        """Close the pass: what was drawn for it is used up."""

    def is_finite(self) -> bool:
        """Whether the last loss and all weights are finite; waits for the device."""

    def score(self, split: str, between: Callable[[], None] = lambda: None) -> Score:
        """Evaluate ``train`` or ``test`` with the weights as they are.

        `between` is called now and then; what it raises ends the evaluation.
        """

    def state(self) -> Arrays:
        """Everything that changes in training, the parameters under the paper's names."""

    def load_state(self, arrays: Arrays) -> None:
        """Take over a state.

        Raises:
            FileFormatError: names, shapes or types are not those of these settings.
        """


@dataclass(frozen=True)
class EngineChoice:
    """A chosen engine and why, in words."""

    engine: str
    reason: str


@dataclass(frozen=True)
class EngineState:
    """What is known of an engine.

    Attributes:
        name: as in `ENGINES`.
        available: whether it can train here.
        detail: what it is, or why it is not available.
    """

    name: str
    available: bool
    detail: str


def list_engines() -> list[EngineState]:
    """The state of every engine, in the order of preference."""
    reason = native.why_absent()
    detail = reason or f"{ENGINES['native']}; instruction set {native.instruction_set()}"
    return [
        EngineState("native", reason is None, detail),
        EngineState("eager", True, ENGINES["eager"]),
    ]


def choose(settings: Settings) -> EngineChoice:
    """The engine to train with.

    Args:
        settings: device chosen; the engine a name or ``auto``.

    Raises:
        UsageError: no engine has such a name, or it cannot train these settings.
    """
    requested = settings.engine
    if requested not in ("auto", *ENGINES):
        raise unknown_name("engine", requested, ("auto", *ENGINES))
    if requested == "native":
        native.check_usable(settings)
    if requested != "auto":
        return EngineChoice(requested, "as asked")
    if settings.batched:
        return EngineChoice("eager", "it takes batches")
    if settings.device != "cpu":
        return EngineChoice("eager", f"it runs on {settings.device}")
    if (reason := native.why_absent()) is not None:
        return EngineChoice("eager", f"the native engine is absent: {reason}")
    return EngineChoice("native", f"one example at a time, {native.instruction_set()}")


def describe_machine(settings: Settings) -> dict[str, Any]:
    """What decides the bits of a training beside its settings, as values for JSON."""
    if settings.engine == "native":
        machine = devices.describe_machine(settings.device, torch_used=False)
        return machine | native.describe()
    return devices.describe_machine(settings.device)


def make_engine(settings: Settings, splits: dict[str, Digits]) -> Engine:
    """The engine that the settings name, with fresh weights from their seed.

    Args:
        settings: device and engine chosen, no longer ``auto``.
        splits: the digits of ``train`` and ``test``.

    Raises:
        UsageError: no engine has such a name, or it cannot train these settings.
        DeviceError: the device's results disagree with the CPU's.
    """
    if settings.engine not in ENGINES:
        raise unknown_name("engine", settings.engine, ENGINES)
    if settings.engine == "native":
        return native.NativeEngine(settings, splits)
    from lecun89.engines.eager import EagerEngine  # which imports PyTorch

    return EagerEngine(settings, splits)
