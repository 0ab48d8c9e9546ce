"""How steps are executed: one file per engine, behind one protocol; `choose` picks one."""

from dataclasses import dataclass
from typing import Protocol

from lecun89.data import Digits
from lecun89.evaluation import Score
from lecun89.exceptions import unknown_name
from lecun89.settings import Settings
from lecun89.tensorfile import Arrays

ENGINES = {"eager": "PyTorch's autograd, on any device, at any batch size"}
"""Engines by name, with what they are."""


class Engine(Protocol):
    """The state of one training, and the means to advance it.

    A pass is `begin_pass`, then `run_steps` until `steps_per_pass`, then `end_pass`. Between any
    two calls, `state` holds all that another engine of the same settings needs to go on to the
    same bits: weights, optimizer, random state. Within a pass, that other engine is first given
    the state, then `begin_pass` again, then the steps that are left.
    """

    steps_per_pass: int

    def begin_pass(self, lr: float) -> None:
        """Set the learning rate and draw what is drawn once for the pass."""

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""

    def end_pass(self) -> None:
        """Close the pass: what was drawn for it is used up."""

    def is_finite(self) -> bool:
        """Whether the last loss and all weights are finite; waits for the device."""

    def score(self, split: str) -> Score:
        """Evaluate ``train`` or ``test`` with the weights as they are."""

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


def choose(requested: str) -> EngineChoice:
    """The engine to train with.

    Args:
        requested: ``auto`` or an engine's name.

    Raises:
        UsageError: no engine has such a name.
    """
    if requested == "auto":
        return EngineChoice("eager", "it runs every variant on every device")
    if requested not in ENGINES:
        raise unknown_name("engine", requested, ("auto", *ENGINES))
    return EngineChoice(requested, "as asked")


def make_engine(settings: Settings, splits: dict[str, Digits]) -> Engine:
    """The engine that the settings name, with fresh weights from their seed.

    Args:
        settings: device and engine chosen, no longer ``auto``.
        splits: the digits of ``train`` and ``test``.

    Raises:
        UsageError: no engine has such a name.
        DeviceError: the device's results disagree with the CPU's.
    """
    if settings.engine not in ENGINES:
        raise unknown_name("engine", settings.engine, ENGINES)
    from lecun89.engines.eager import EagerEngine

    return EagerEngine(settings, splits)
