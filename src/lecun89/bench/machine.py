"""The machine under the measurement: what it is, how busy it is, and what it could do at most."""

import os
from pathlib import Path
from typing import Any

from lecun89 import devices
from lecun89.devices import Stopwatch
from lecun89.engines import native

_SIZE = 1024  # of the square matrices


def describe(device: str) -> dict[str, Any]:
    """The machine, its versions, its clock and its load, as values for JSON."""
    description = devices.describe_machine(device)
    if native.why_absent() is None:
        description |= native.describe()
    description["threads"] = 1
    description["mhz"] = _frequency()
    description["load"] = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return description


def busy(machine: dict[str, Any]) -> str | None:
    """That the machine had other work when `describe` looked, in words; None when it had not."""
    load = machine.get("load")
    if load is None or load < 0.5 * (machine.get("cores") or 1):
        return None
    return f"the machine is busy, with a load of {load} on {machine['cores']} cores"


def measure_peak(device: str, rounds: int = 3) -> float:
    """Float32 operations a second of a product of large matrices, the best of rounds.

    Args:
        device: ``cpu``, ``cuda:N`` or ``mps``; the CPU with PyTorch's current threads.
        rounds: how often it is done after a warm-up.
    """
    import torch

    a = torch.rand(_SIZE, _SIZE, device=device)
    watch = Stopwatch(device)
    times = []
    for _ in range(rounds + 1):
        watch.start()
        torch.mm(a, a)
        times.append(watch.stop())
    return 2 * _SIZE**3 / min(times[1:])


def _frequency() -> float | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("cpu MHz"):
                return round(float(line.partition(":")[2]))
    except (OSError, ValueError):
        pass
    return None
