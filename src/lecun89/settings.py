"""Everything that decides what a training computes, and where each value came from.

`resolve` is the only place where a variant, data and what the user asked for become settings.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from lecun89 import cores, devices, engines
from lecun89.data import Digits, get_data
from lecun89.exceptions import UsageError, shortened
from lecun89.parsing import check_seed, parse_number
from lecun89.variants import Variant, assume, get_variant

MOST_PASSES = 1_000_000
_OPEN = {"batch_size": "full", "threads": "auto"}  # what None is called
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
        threads: CPU threads at most; None for as many as there are cores. The bits of an engine
            without PyTorch do not depend on them.
        origins: where each value came from: ``flag``, ``environment``, ``argument``, ``sweep``,
            ``variant``, ``default``, or ``chosen: `` and why. Settings that differ in this alone
            are equal.
    """

    variant: str
    data: str
    seed: int
    passes: int
    lr: float
    batch_size: int | None
    device: str
    engine: str
    threads: int | None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, in one line that names the flag."""
        get_variant(self.variant)
        get_data(self.data)
        devices.check_name(self.device)
        check_seed(self.seed)
        if not 1 <= self.passes <= MOST_PASSES:
            raise UsageError(f"--passes {self.passes} is out of range: 1 to {MOST_PASSES:,}")
        if not _LEAST_LR <= self.lr <= _MOST_LR:
            raise UsageError(f"--lr {self.lr} is out of range: {_LEAST_LR} to {_MOST_LR}")
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"--batch-size {self.batch_size} is out of range: at least 1, or full")
        if self.batch_size != 1 and get_variant(self.variant).optimizer.startswith("sdlm"):
            raise UsageError(
                f"--batch-size cannot be combined with {self.variant}, whose optimizer takes one "
                "example at a time: leave it out"
            )
        if self.threads is not None and self.threads < 1:
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

    def as_document(self) -> dict[str, Any]:
        """The values by name, for JSON; None in words, see `_OPEN`."""
        values = {**vars(self)}
        del values["origins"]
        return {name: _OPEN[name] if value is None else value for name, value in values.items()}

    def as_record(self) -> dict[str, dict[str, Any]]:
        """The values with their origins, for JSON."""
        return {
            name: {"value": value, "origin": self.origins.get(name, "default")}
            for name, value in self.as_document().items()
        }

    @classmethod
    def from_record(cls, record: dict[str, dict[str, Any]]) -> Self:
        """The settings that `as_record` gave, device and engine chosen.

        Raises:
            ValueError: a value is missing, unexpected, or of another type. TypeError, KeyError or
                AttributeError when it is no record at all.
            UsageError: a value is out of range.
        """
        values = {name: entry["value"] for name, entry in record.items()}
        values |= {name: None for name, word in _OPEN.items() if values.get(name) == word}
        expected = {one.name: one.type for one in fields(cls) if one.name != "origins"}
        if values.keys() != expected.keys():
            raise ValueError(f"its values are {', '.join(values)}")
        for name, value in values.items():
            if type(value) not in (expected[name], *getattr(expected[name], "__args__", ())):
                raise ValueError(f"{name} is {value!r}")
        if "auto" in (values["device"], values["engine"]):
            raise ValueError("its device or engine is auto")
        origins = {name: str(entry["origin"]) for name, entry in record.items()}
        return cls(**values, origins=origins)


def _one_cycle(done: float) -> float:
    """Share of the highest learning rate when this share of the training is done."""
    rise = 0.1
    if done < rise:
        return 0.1 + 0.9 * done / rise
    return (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2


def resolve(
    variant: str = "base",
    data: str = "1989",
    *,
    assumptions: Iterable[str] = (),
    seed: int = 1337,
    passes: int | None = None,
    lr: float | None = None,
    batch_size: int | str | None = None,
    device: str = "auto",
    engine: str = "auto",
    threads: int | str = "auto",
    origins: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of a training, device and engine chosen.

    Args:
        variant: its name.
        data: name of the data set.
        assumptions: other values of the variant, each like ``squash=scaled``.
        seed: see `Settings`, like the rest.
        passes: None for the variant's, like the next two.
        lr: see there.
        batch_size: a number, or ``full``.
        device: a name, or ``auto``.
        engine: a name, or ``auto``.
        threads: a number, at most as many as this machine has, or ``auto``.
        origins: where values that were given came from, by name.

    Raises:
        UsageError: a value is unknown or out of range, or values cannot be combined.
        DeviceError: the device is not available.
    """
    of = assume(get_variant(variant), assumptions)
    size = of.batch_size if batch_size is None else _batch_size(batch_size)
    asked = Settings(
        variant=of.name,
        data=get_data(data).name,
        seed=seed,
        passes=of.passes_on(data) if passes is None else passes,
        lr=of.lr if lr is None else lr,
        batch_size=size,
        device=device,
        engine=engine,
        threads=cores.parse_threads(threads),
    )
    found = devices.choose(asked.device, step_size=asked.step_size)
    chosen = engines.choose(asked.engine, asked.trained, found.device)
    known = dict.fromkeys(asked.as_document(), "default")
    known |= dict.fromkeys(("passes", "lr", "batch_size"), "variant") | dict(origins or {})
    if device == "auto":
        known["device"] = f"chosen: {found.reason}"
    if engine == "auto":
        known["engine"] = f"chosen: {chosen.reason}"
    if asked.threads is None and engines.get_engine(chosen.engine).needs_torch:
        # More are slower for networks of this size.
        asked, known["threads"] = replace(asked, threads=1), "chosen: fastest with PyTorch"
    return replace(asked, device=found.device, engine=chosen.engine, origins=known)


def threads_of(settings: Settings, most: int | None = None) -> int:
    """CPU threads of a training on this machine.

    Args:
        settings: of the training.
        most: cores that there are for it, where the settings leave it open; None for all.
    """
    if settings.threads is None:
        return cores.usable_cores() if most is None else most
    return min(settings.threads, os.cpu_count() or 1)


def engine_of(
    trainings: Sequence[Settings], splits: dict[str, Digits], most_threads: int | None = None
) -> engines.Engine:
    """A fresh engine for networks that are trained in step, with PyTorch set up where it is used.

    Args:
        trainings: settings of each, alike but for seed and learning rate.
        splits: the digits of ``train`` and ``test``.
        most_threads: see `threads_of`.
    """
    settings = trainings[0]
    threads = threads_of(settings, most_threads)
    if engines.get_engine(settings.engine).needs_torch:
        devices.set_up(settings.device, threads)
    return engines.make_engine(
        settings.engine,
        settings.trained,
        [of.seed for of in trainings],
        splits,
        device=settings.device,
        batch_size=settings.step_size,
        threads=threads,
    )


def machine_of(settings: Settings, most_threads: int | None = None) -> dict[str, Any]:
    """What the bits of a training depend on beside its settings, and its threads, for JSON.

    Args:
        settings: of the training.
        most_threads: see `threads_of`.
    """
    threads = threads_of(settings, most_threads)
    return engines.describe_machine(settings.engine, settings.device, threads)


def in_step(settings: Settings, most: int | None = None) -> int:
    """How many networks of such a training one engine trains in step, at most that many."""
    return engines.get_engine(settings.engine).in_step(
        most, settings.trained, settings.device, settings.step_size, settings.examples
    )


def _batch_size(given: int | str) -> int | None:
    if given == "full":
        return None
    try:
        return int(parse_number("--batch-size", str(given), int))
    except UsageError:
        shown = shortened(str(given))
        raise UsageError(f"--batch-size {shown!r} is neither a number nor full") from None
