"""The native engine: on the CPU, in C++ (src/native), one example at a time or in batches.

Batches and evaluation are shared by threads, to the same bits at every number of them.

Shifts, dropout masks and distortions are a function of seed, pass and example, so that its state
is weights and optimizer alone. Its stream is not PyTorch's, which the eager engine draws.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lecun89.analysis.scores import Score
from lecun89.data import Digits, read_originals
from lecun89.engines.parameters import MOMENTS, flatten, pack, unpack
from lecun89.engines.presentation import presentation
from lecun89.exceptions import FileFormatError, one_line
from lecun89.network.architecture import CURVATURE_DIGITS
from lecun89.network.initialization import initial_parameters
from lecun89.storage.tensorfile import Arrays, check_arrays
from lecun89.variants import Variant

if TYPE_CHECKING:
    from lecun89 import _native

_SLICE = 10_000  # digits evaluated at a time: 15 to 60 ms
_BLOCKS = {
    "exp_avg": "first_moment",
    "exp_avg_sq": "second_moment",
    "curvature": "first_moment",
}  # of the kernel


@cache
def why_absent() -> str | None:
    """Why this engine cannot be used, in words; None when it can."""
    try:
        import lecun89._native  # noqa: F401
    except Exception as error:  # one for another Python or system raises more than ImportError
        if isinstance(error, ModuleNotFoundError):
            return (
                "its kernel was not built when lecun89 was installed, as without a C++ compiler; "
                "see README"
            )
        return f"its kernel cannot be loaded: {one_line(error)}"
    return None


def instruction_set() -> str:
    """The instruction set that the kernel uses here: avx512, avx2, sse2 or neon."""
    from lecun89 import _native

    return _native.instruction_sets()[0]


def threads_in_step(threads: int, batch_size: int) -> int:
    """How many of these threads share a step: each has four examples or more."""
    from lecun89 import _native

    return min(threads, _native.parts_of(batch_size))


def describe() -> dict[str, str]:
    """What its bits depend on: instruction set and compiler, as values for JSON.

    Another compiler may fuse other multiplications and additions.
    """
    from lecun89 import _native

    return {"instruction_set": instruction_set(), "compiler": _native.compiler}


def make_network(
    variant: Variant,
    seed: int,
    *,
    batch_size: int = 1,
    optimizer: str | None = None,
    on: str | None = None,
) -> "_native.Network":
    """A network of the kernel, all of whose weights are zero.

    Args:
        variant: what it computes.
        seed: of its shifts and masks.
        batch_size: examples in a step.
        optimizer: in place of the variant's; ``none`` leaves the weights as they are. The
            gradient of the last step is kept with it, and in batches.
        on: an instruction set; the best when left out.
    """
    from lecun89 import _native

    training = _native.Training()
    own = {"seed": seed, "batch_size": batch_size, "optimizer": optimizer or variant.optimizer}
    for field in training.fields:
        setattr(training, field, own[field] if field in own else getattr(variant, field))
    return _native.Network(training, instruction_set=on or instruction_set())


class NativeEngine:
    """One network; see `lecun89.engines.Engine`."""

    def __init__(
        self,
        variant: Variant,
        seeds: Sequence[int],
        splits: dict[str, Digits],
        *,
        device: str = "cpu",
        batch_size: int = 1,
        threads: int = 1,
        on: str | None = None,
    ) -> None:
        """Draw the initial weights, which are the eager engine's.

        Args:
            variant: as it is trained on its data.
            seeds: the seed of the network.
            splits: the digits of ``train`` and ``test``.
            device: the CPU.
            batch_size: examples in a step.
            threads: that share evaluation, and steps of batches; the bits do not depend on them.
            on: an instruction set; the best when left out.
        """
        from lecun89 import _native

        (seed,) = seeds
        self._network = make_network(variant, seed, batch_size=batch_size, on=on)
        self._network.threads = threads
        self._network.set("weights", flatten(initial_parameters(variant, seed)))
        self._variant, self._seed, self._presented = variant, seed, splits["train"]
        originals = read_originals(splits["train"]) if variant.distorts else None
        self._digits = {
            name: _native.Digits(
                digits.images, digits.labels, originals if name == "train" else None
            )
            for name, digits in splits.items()
        }
        self._totals = {name: len(digits) for name, digits in splits.items()}
        self._pass, self._lr = 0, variant.lr
        self.steps_per_pass = -(-self._totals["train"] // batch_size)

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        """Set pass and learning rate, and what is presented."""
        self._pass, (self._lr,) = number, lrs
        shown = presentation(self._variant, self._seed, number, self._presented)
        self._network.present(shown.seed, shown.variation, shown.order, shown.targets)

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""
        if first == 0 and self._variant.optimizer == "sdlm_by_pass":
            self._network.estimate(self._digits["train"], 0, CURVATURE_DIGITS)
        self._network.train(self._digits["train"], self._pass, first, last, self._lr)

    def end_pass(self) -> None:
        """Close the pass: there is nothing to close."""

    def is_finite(self) -> list[bool]:
        """Whether all weights are finite."""
        return [self._network.is_finite()]

    def scores(self, split: str, between: Callable[[], None] = lambda: None) -> list[Score]:
        """Evaluate ``train`` or ``test`` with the weights as they are."""
        loss, misses, total = 0.0, 0, self._totals[split]
        for first in range(0, total, _SLICE):
            last = min(first + _SLICE, total)
            part = self._network.evaluate(self._digits[split], first, last)
            loss, misses = loss + part[0], misses + part[1]
            between()
        return [Score(loss / total, misses, total)]

    def states(self) -> list[Arrays]:
        """Parameters and, for AdamW, its two moments of each and the number of updates."""
        network = self._network
        moments = {key: network.get(_BLOCKS[key]) for key in MOMENTS[self._variant.optimizer]}
        return [pack(network.get("weights"), moments, network.updates)]

    def load_states(self, states: Sequence[Arrays]) -> None:
        """Take over a state of an engine of the same kind."""
        (arrays,) = states
        check_arrays(arrays, self.states()[0])
        weights, moments, updates = unpack(arrays, self._variant.optimizer)
        try:
            self._network.set("weights", weights)
            for key, flat in moments.items():
                self._network.set(_BLOCKS[key], flat)
            self._network.updates = updates
        except ValueError as error:
            raise FileFormatError(str(error)) from error
