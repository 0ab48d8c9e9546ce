"""How steps are executed: one file per engine, behind one protocol; `choose` picks one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from lecun89 import devices
from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.engines import native, parameters
from lecun89.exceptions import UsageError, unknown_name
from lecun89.settings import Settings
from lecun89.storage.tensorfile import Arrays
from lecun89.variants import Variant

ENGINES = {
    "native": "C++, on the CPU",
    "eager": "PyTorch's autograd, on any device",
    "graph": "PyTorch, networks side by side, steps captured where there is CUDA",
}
"""Engines by name, with what they are."""


Finite = TypeVar("Finite", covariant=True)


class Steps(Protocol[Finite]):
    """What does the steps of a pass."""

    @property
    def steps_per_pass(self) -> int:
        """How many there are."""

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""

    def is_finite(self) -> Finite:
        """Whether the last loss and all weights are finite; waits for the device."""


class Engine(Steps[bool], Protocol):
    """The state of one training, and the means to advance it.

    A pass is `begin_pass`, then `run_steps` until `steps_per_pass`, then `end_pass`. Between any
    two calls, `state` holds all that another engine of the same settings needs to go on to the
    same bits: weights, optimizer, random state. Within a pass, that other engine is first given
    the state, then `begin_pass` again, then the steps that are left.
    """

    def begin_pass(self, number: int, lr: float) -> None:
        """Begin a pass, counted from 1: set the learning rate, draw what is drawn once for it."""

    def end_pass(self) -> None:
        """Close the pass: what was drawn for it is used up."""

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


class Networks(Steps[Sequence[bool]], Protocol):
    """Trainings side by side, alike but for seed and learning rate: an `Engine` for all of them."""

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        """Begin a pass, counted from 1, with the learning rate of each network."""

    def end_pass(self) -> None:
        """Close the pass."""

    def scores(self, split: str, between: Callable[[], None] = lambda: None) -> Sequence[Score]:
        """Evaluate each network on ``train`` or ``test``."""

    def states(self) -> Sequence[Arrays]:
        """The state of each network, as `Engine.state` gives it."""

    def load_states(self, states: Sequence[Arrays]) -> None:
        """Take over states that are equally far.

        Raises:
            FileFormatError: they are not, or one is not of these settings.
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
    """The state of every engine."""
    reason = native.why_absent()
    detail = reason or f"{ENGINES['native']}; instruction set {native.instruction_set()}"
    no_torch = devices.why_no_torch()
    return [
        EngineState("native", reason is None, detail),
        *(
            EngineState(name, no_torch is None, no_torch or ENGINES[name])
            for name in ("eager", "graph")
        ),
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
    if requested == "graph":
        _check_graph(settings)
    if requested != "auto":
        return EngineChoice(requested, "as asked")
    variant = settings.trained
    if variant.structure != "1989":
        return EngineChoice("eager", f"the others do not know {variant.structure}")
    if variant.table != "thirds":
        return EngineChoice("eager", f"the others do not know the table {variant.table}")
    if settings.device.startswith("cuda") and _why_not_graph(variant) is None:
        return EngineChoice("graph", f"fastest on {settings.device}")
    if settings.device != "cpu":
        return EngineChoice("eager", f"it runs on {settings.device}")
    if (reason := native.why_absent()) is not None:
        return EngineChoice("eager", f"the native engine is absent: {reason}")
    return EngineChoice("native", f"fastest on the CPU, {native.instruction_set()}")


def _check_graph(settings: Settings) -> None:
    variant = settings.trained
    if (reason := _why_not_graph(variant)) is not None:
        raise UsageError(
            f"--engine graph cannot train {variant.name}, which has {reason}: leave --engine out"
        )


def _why_not_graph(variant: Variant) -> str | None:
    lacking = {
        f"the structure {variant.structure}": variant.structure != "1989",
        f"the table {variant.table}": variant.table != "thirds",
        f"the optimizer {variant.optimizer}": variant.optimizer.startswith("sdlm"),
        "distortions": variant.distorts,
        "digits in another order each pass": variant.shuffle,
        "targets other than the labels": variant.teacher or variant.label_smoothing,
        f"a weight decay of {variant.weight_decay}": variant.weight_decay != 0.01,
    }
    return next((what for what, lacks in lacking.items() if lacks), None)


def describe_machine(settings: Settings) -> dict[str, Any]:
    """What decides the bits of a training beside its settings, as values for JSON."""
    if settings.engine == "native":
        machine = devices.describe_machine(settings.device, torch_used=False)
        return machine | native.describe()
    return devices.describe_machine(settings.device)


def trains_side_by_side(settings: Settings) -> bool:
    """Whether `make_networks` takes trainings of these settings."""
    return settings.engine == "graph"


def make_networks(trainings: Sequence[Settings], splits: dict[str, Digits]) -> Networks:
    """Networks side by side on one device, with fresh weights from their seeds.

    Args:
        trainings: settings of each, alike but for seed and learning rate; their engine `graph`.
        splits: the digits of ``train`` and ``test``.

    Raises:
        DeviceError: the device's results disagree with the CPU's, or it is out of memory.
    """
    from lecun89.engines.graph import GraphNetworks  # which imports PyTorch

    _check_graph(trainings[0])
    return GraphNetworks(trainings, splits)


def initial_state(settings: Settings, splits: dict[str, Digits]) -> Arrays:
    """The state of a fresh engine of these settings; arguments and errors of `make_engine`."""
    if settings.engine == "eager":
        return make_engine(settings, splits).state()
    return parameters.initial_state(settings.trained, settings.seed)


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
    if settings.engine == "graph":
        from lecun89.engines.graph import GraphEngine  # which imports PyTorch, as does the next

        _check_graph(settings)
        return GraphEngine(settings, splits)
    from lecun89.engines.eager import EagerEngine

    return EagerEngine(settings, splits)
