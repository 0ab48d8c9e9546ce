"""The machine under the measurement: what it is, how busy it is, and what it could do at most."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lecun89.devices import Stopwatch, kind_of
from lecun89.settings import Settings, machine_of


@dataclass(frozen=True)
class Peak:
    """What a device was measured to reach.

    Attributes:
        flops: float32 operations a second, of a product of two large matrices.
        bytes: read and written in a second, of a copy that no cache holds.
    """

    flops: float
    bytes: float

    def roof(self, operations: float, traffic: float) -> float:
        """Operations a second of work that has `traffic` bytes to move for `operations`."""
        return min(self.flops, self.bytes * operations / traffic)


def describe(trainings: Iterable[Settings]) -> dict[str, Any]:
    """The machine, its versions, its clock and its load, as values for JSON.

    Args:
        trainings: settings of what is measured, whose engines and devices are described.
    """
    description: dict[str, Any] = {}
    for settings in trainings:
        description |= machine_of(settings)
    description["threads"] = 1
    description["mhz"] = _frequency()
    description["load"] = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return description


def busy(machine: dict[str, Any]) -> str | None:
    """In words, that the machine was busy when `describe` looked; None if it was not."""
    load = machine.get("load")
    if load is None or load < 0.5 * (machine.get("cores") or 1):
        return None
    return f"the machine is busy, with a load of {load} on {machine['cores']} cores"


def measure_peak(device: str, rounds: int = 3) -> Peak:
    """The best of rounds of a large matrix product, and of a large copy.

    Args:
        device: ``cpu``, ``cuda:N`` or ``mps``; the CPU with PyTorch's current threads.
        rounds: how often it is done after a warm-up.
    """
    import torch

    kind = kind_of(device)
    size, copied = kind.side, kind.copied
    watch = Stopwatch(device)

    def least(work: Callable[[], object]) -> float:
        times = []
        for _ in range(rounds + 1):
            watch.start()
            work()
            times.append(watch.stop())
        return min(times[1:])

    a = torch.rand(size, size, device=device)
    product = least(lambda: torch.mm(a, a))
    source = torch.ones(copied, device=device)
    target = torch.empty_like(source)
    copy = least(lambda: target.copy_(source))
    return Peak(2 * size**3 / product, 2 * 4 * copied / copy)


def _frequency() -> float | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("cpu MHz"):
                return round(float(line.partition(":")[2]))
    except (OSError, ValueError):
        pass
    return None
