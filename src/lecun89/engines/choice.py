"""The engines as a table: what each can train, and which one is chosen. Needs no PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import memory, native
from lecun89.engines.protocol import Engine
from lecun89.exceptions import UsageError, unknown_name
from lecun89.variants import Variant


@dataclass(frozen=True)
class EngineKind:
    """What is known of an engine before one is made.

    Attributes:
        name: its name.
        description: what it is, in words.
        needs_torch: whether it computes with PyTorch.
        most_networks: networks that one engine trains in step; more than one only where they
            are trained side by side faster than one after the other.
        decisive: what its bits depend on, of the values of `describe_machine`; None for all.
        why_absent: why it cannot be used on this machine, in words; None when it can.
        describe: what its bits depend on beside the machine and PyTorch, as values for JSON.
        lacking: what a variant has that the engine cannot train, in words; None when it can.
        make: makes one; see `make_engine`.
        threads_in_step: how many of so many threads share a step of so many examples.
    """

    name: str
    description: str
    needs_torch: bool
    most_networks: int
    decisive: frozenset[str] | None
    why_absent: Callable[[], str | None]
    describe: Callable[[], dict[str, str]]
    lacking: Callable[[Variant, str], str | None]
    make: Callable[..., Engine]
    threads_in_step: Callable[[int, int], int] = lambda threads, batch_size: threads

    def in_step(
        self, most: int | None, variant: Variant, device: str, step_size: int, examples: int
    ) -> int:
        """How many networks one engine trains in step: as many as the device's memory holds.

        Args:
            most: that are wanted; None for as many as are worth it.
            variant: as it is trained on its data.
            device: ``cpu``, ``cuda:N`` or ``mps``.
            step_size: examples in a step.
            examples: of the training split.
        """
        size = self.most_networks if most is None else min(most, self.most_networks)
        if size == 1 or most is not None or (free := devices.free_memory(device)) is None:
            return size
        room = (free - memory.FIXED) // memory.bytes_per_network(variant, step_size, examples)
        return max(1, min(size, room))

    def check(self, variant: Variant, device: str) -> None:
        """Refuse what this engine cannot train.

        Raises:
            UsageError: the message says why.
        """
        if (reason := self.lacking(variant, device)) is not None:
            raise UsageError(
                f"--engine {self.name} cannot train {variant.name} on {device}: {reason}; "
                "use --engine eager"
            )
        if (reason := self.why_absent()) is not None:
            raise UsageError(
                f"the {self.name} engine is not available: {reason}; "
                "a new run can be trained with --engine eager"
            )


@dataclass(frozen=True)
class EngineChoice:
    """A chosen engine and why, in words."""

    engine: str
    reason: str


def _make_eager(*args: Any, **more: Any) -> Engine:
    from lecun89.engines.eager import EagerEngine  # which imports PyTorch

    return EagerEngine(*args, **more)


def _make_graph(*args: Any, **more: Any) -> Engine:
    from lecun89.engines.graph import GraphEngine  # which imports PyTorch

    return GraphEngine(*args, **more)


def _first(lacking: dict[str, bool]) -> str | None:
    return next((what for what, lacks in lacking.items() if lacks), None)


def _knows(variant: Variant, *structures: str) -> dict[str, bool]:
    known = " and ".join(structures).replace("1989", "the network of 1989")
    return {f"it knows {known}, not {variant.structure}": variant.structure not in structures}


def _native_lacks(variant: Variant, device: str) -> str | None:
    return _first(
        _knows(variant, "1989")
        | {
            f"it knows 12 planes, not {variant.planes}": variant.planes != 12,
            f"it knows H1 and H2 joined by thirds, not {variant.table}": variant.table != "thirds",
            "it runs on the CPU alone": device != "cpu",
        }
    )


def _graph_lacks(variant: Variant, device: str) -> str | None:
    return _first(_knows(variant, "1989", "fc40"))


ENGINES = {
    kind.name: kind
    for kind in (
        EngineKind(
            "native",
            "C++, on the CPU",
            needs_torch=False,
            most_networks=1,
            # Its bits do not depend on PyTorch or NumPy.
            decisive=frozenset({"lecun89", "instruction_set", "compiler"}),
            why_absent=lambda: native.why_absent(),
            describe=native.describe,
            lacking=_native_lacks,
            make=native.NativeEngine,
            threads_in_step=native.threads_in_step,
        ),
        EngineKind(
            "eager",
            "PyTorch's autograd, on any device",
            needs_torch=True,
            most_networks=1,
            decisive=None,
            why_absent=lambda: devices.why_no_torch(),
            describe=dict,
            lacking=lambda variant, device: None,
            make=_make_eager,
        ),
        EngineKind(
            "graph",
            "PyTorch, networks side by side, steps captured where there is CUDA",
            needs_torch=True,
            most_networks=1024,  # a few GB on a GPU
            decisive=None,
            why_absent=lambda: devices.why_no_torch(),
            describe=dict,
            lacking=_graph_lacks,
            make=_make_graph,
        ),
    )
}
"""Engines by name."""


@dataclass(frozen=True)
class EngineState:
    """What is known of an engine here.

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
    states = []
    for kind in ENGINES.values():
        reason = kind.why_absent()
        detail = reason or kind.description
        if reason is None and (instruction_set := kind.describe().get("instruction_set")):
            detail += f"; instruction set {instruction_set}"
        states.append(EngineState(kind.name, reason is None, detail))
    return states


def get_engine(name: str) -> EngineKind:
    """The engine of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ("auto", *ENGINES))
    return ENGINES[name]


def choose(requested: str, variant: Variant, device: str) -> EngineChoice:
    """The engine to train with.

    Args:
        requested: its name, or ``auto``.
        variant: as it is trained on its data.
        device: chosen: ``cpu``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: no engine has such a name, or it cannot train the variant there.
    """
    if requested != "auto":
        get_engine(requested).check(variant, device)
        return EngineChoice(requested, "as asked")
    kind = ENGINES[devices.kind_of(device).fastest]
    if (reason := kind.lacking(variant, device)) is not None:
        return EngineChoice("eager", f"not the {kind.name} engine: {reason}")
    if (reason := kind.why_absent()) is not None and kind.name != "eager":
        return EngineChoice("eager", f"the {kind.name} engine is absent: {reason}")
    instruction_set = kind.describe().get("instruction_set")
    where = f"the CPU, {instruction_set}" if instruction_set else device
    return EngineChoice(kind.name, f"fastest on {where}")


def describe_machine(engine: str, device: str, threads: int) -> dict[str, Any]:
    """What decides the bits of a training beside its settings, as values for JSON.

    With the threads of an engine without PyTorch, whose bits do not depend on them.
    """
    kind = get_engine(engine)
    machine = devices.describe_machine(device, torch_used=kind.needs_torch) | kind.describe()
    return machine if kind.needs_torch else machine | {"threads": threads}


def make_engine(
    name: str,
    variant: Variant,
    seeds: Sequence[int],
    splits: dict[str, Digits],
    *,
    device: str = "cpu",
    batch_size: int = 1,
    threads: int = 1,
) -> Engine:
    """An engine with fresh weights.

    Args:
        name: of the engine.
        variant: as it is trained on its data; see `lecun89.variants.Variant.on`.
        seeds: of each network, at most the engine's `most_networks`.
        splits: the digits of ``train`` and ``test``.
        device: ``cpu``, ``cuda:N`` or ``mps``.
        batch_size: examples in a step, at most those of the training split.
        threads: CPU threads of an engine without PyTorch, which has its own; see
            `lecun89.devices.set_up`.

    Raises:
        UsageError: no engine has such a name, or it cannot train this.
        DeviceError: the device's results disagree with the CPU's, or it is out of memory.
    """
    kind = get_engine(name)
    kind.check(variant, device)
    if len(seeds) > kind.most_networks:
        raise UsageError(f"the {name} engine trains {kind.most_networks} networks at a time")
    with devices.telling_out_of_memory(device):
        more = {} if kind.needs_torch else {"threads": threads}
        return kind.make(variant, seeds, splits, device=device, batch_size=batch_size, **more)
