"""What every engine offers to a training."""

from collections.abc import Callable, Sequence
from typing import Protocol

from lecun89.analysis.scores import Score
from lecun89.storage.tensorfile import Arrays


class Engine(Protocol):
    """The state of one or more networks that are trained in step, and the means to advance it.

    The networks are alike but for their seeds and learning rates. A pass is `begin_pass`, then
    `run_steps` until `steps_per_pass`, then `end_pass`. Between any two calls, `states` holds all
    that another such engine needs to go on to the same bits: weights, optimizer, random state.
    Within a pass, that other engine is first given the states, then `begin_pass` again, then the
    steps that are left.
    """

    @property
    def steps_per_pass(self) -> int:
        """Steps in a pass, a last partial batch included."""

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        """Begin a pass, counted from 1: set each learning rate, draw what is drawn once for it."""

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""

    def end_pass(self) -> None:
        """Close the pass: what was drawn for it is used up."""

    def is_finite(self) -> Sequence[bool]:
        """Of each network, whether last loss and weights are finite; waits for the device."""

    def scores(self, split: str, between: Callable[[], None] = lambda: None) -> Sequence[Score]:
        """Evaluate each network on ``train`` or ``test`` with the weights as they are.

        `between` is called now and then; what it raises ends the evaluation.
        """

    def states(self) -> Sequence[Arrays]:
        """Everything of each network that changes in training, the parameters by their names."""

    def load_states(self, states: Sequence[Arrays]) -> None:
        """Take over states that are equally far.

        Raises:
            FileFormatError: they are not, or names, shapes or types are not those of this engine.
        """
