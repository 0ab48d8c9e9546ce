"""Everything that decides what a training computes, and where each value came from."""

import math
from dataclasses import dataclass, fields
from typing import Any, Self

from lecun89.data import get_data
from lecun89.devices import check_name
from lecun89.exceptions import UsageError, shortened
from lecun89.parsing import check_seed, parse_number
from lecun89.variants import Variant, get_variant

MOST_PASSES = 1_000_000
_LEAST_LR, _MOST_LR = 1.2e-38, 3.4e38  # in float32, in which engines compute, others are 0 or inf


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values that decide a training; with the machine and torch, they decide its bits.

    Attributes:
        variant: name of the variant.
        data: name of the data set.
        seed: of the initial weights and of every draw, 0 to 2**32 - 1.
        passes: over the training split.
        lr: learning rate of the first pass, or where a cycle is highest.
        batch_size: examples in a step; None for all of them.
        device: ``cpu``, ``cuda:N`` or ``mps``, or ``auto`` while it is not chosen.
        engine: name of the engine, or ``auto`` while it is not chosen.
        threads: CPU threads.
    """

    variant: str
    data: str
    seed: int
    passes: int
    lr: float
    batch_size: int | None
    device: str
    engine: str
    threads: int

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, in one line that names the flag."""
        get_variant(self.variant)
        get_data(self.data)
        check_name(self.device)
        check_seed(self.seed)
        if not 1 <= self.passes <= MOST_PASSES:
            raise UsageError(f"--passes {self.passes} is out of range: 1 to {MOST_PASSES:,}")
        if not _LEAST_LR <= self.lr <= _MOST_LR:
            raise UsageError(f"--lr {self.lr} is out of range: {_LEAST_LR} to {_MOST_LR}")
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is out of range: at least 1, or full")
        if self.batch_size != 1 and get_variant(self.variant).optimizer.startswith("sdlm"):
            raise UsageError(
                f"--batch-size conflicts with {self.variant}, whose optimizer takes one example at "
                "a time: leave it out"
            )
        if self.threads < 1:
            raise UsageError(f"--threads {self.threads} is out of range: at least 1")

    @property
    def trained(self) -> Variant:
        """The variant as it is trained on the data."""
        return get_variant(self.variant).on(self.data)

    @property
    def examples(self) -> int:
        """Digits in the training split."""
        return get_data(self.data).train

    @property
    def step_size(self) -> int:
        """Examples in a step, as a number; the last step of a pass takes what is left."""
        return min(self.batch_size or self.examples, self.examples)

    @property
    def steps_per_pass(self) -> int:
        """Steps in a pass, a last partial batch included."""
        return math.ceil(self.examples / self.step_size)

    def lr_at(self, pass_number: int) -> float:
        """Learning rate of a pass, counted from 1, by the variant's schedule."""
        variant = self.trained
        if variant.schedule == "one_cycle":
            return self.lr * _one_cycle((pass_number - 0.5) / self.passes)
        decay = variant.lr_decay
        if decay == 1.0 or self.passes == 1:
            return self.lr
        alpha = (pass_number - 1) / (self.passes - 1)
        return (1 - alpha) * self.lr + alpha * (self.lr / decay)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The settings that `as_document` gave, device and engine chosen.

        Raises:
            ValueError: a value is missing, unexpected, or of another type.
            UsageError: a value is out of range.
        """
        values = dict(document)
        if values.get("batch_size") == "full":
            values["batch_size"] = None
        expected = {field.name: field.type for field in fields(cls)}
        if values.keys() != expected.keys():
            raise ValueError(f"its values are {', '.join(values)}")
        for name, value in values.items():
            if type(value) not in (expected[name], *getattr(expected[name], "__args__", ())):
                raise ValueError(f"{name} is {value!r}")
        if "auto" in (values["device"], values["engine"]):
            raise ValueError("its device or engine is auto")
        return cls(**values)

    def as_document(self) -> dict[str, Any]:
        """The values by name, for JSON; batch size ``full`` for all examples."""
        return {**vars(self), "batch_size": self.batch_size or "full"}


def _one_cycle(done: float) -> float:
    """Share of the highest learning rate when this share of the training is done."""
    rise = 0.1
    if done < rise:
        return 0.1 + 0.9 * done / rise
    return (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2


def parse_batch_size(text: str) -> int | None:
    """A batch size from ``full`` (None) or a number.

    Raises:
        UsageError: it is neither.
    """
    if text == "full":
        return None
    try:
        return int(parse_number("--batch-size", text, int))
    except UsageError:
        raise UsageError(f"--batch-size {shortened(text)!r} is neither a number nor full") from None
