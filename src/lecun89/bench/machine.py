"""The machine under the measurement: what it is, how busy it is, and what it could do at most."""

import os
import time
from pathlib import Path
from typing import Any

from lecun89 import devices
from lecun89.devices import Stopwatch
from lecun89.engines import native

_SIZE = 1024  # of the square matrices
_COPY = 16 << 20  # floats


def describe(device: str) -> dict[str, Any]:
    """The machine, its versions, its clock and its load, as values for JSON."""
    description = devices.describe_machine(device)
    if native.why_absent() is None:
        description |= {
            "instruction_set": native.instruction_set(),
            "compiler": native.compiler(),
        }
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


def measure_peak(device: str, rounds: int = 3) -> dict[str, float]:
    """What a device does at most: a product of large matrices, and a copy, the best of rounds.

    Args:
        device: ``cpu``, ``cuda:N`` or ``mps``; the CPU with PyTorch's current threads.
        rounds: how often each is done after a warm-up.

    Returns:
        ``flops``, float32 operations a second, and ``bytes``, read and written a second.
    """
    import torch

    a = torch.rand(_SIZE, _SIZE, device=device)
    source = torch.rand(_COPY, device=device)
    to = torch.empty_like(source)
    products = _best(device, lambda: torch.mm(a, a), rounds)
    copies = _best(device, lambda: to.copy_(source), rounds)
    return {"flops": 2 * _SIZE**3 / products, "bytes": 8 * _COPY / copies}


def _best(device: str, work: Any, rounds: int) -> float:
    watch = Stopwatch(device)
    times = []
    for _ in range(rounds + 1):
        watch.start()
        work()
        times.append(watch.stop())
        time.sleep(0)
    return min(times[1:])


def _frequency() -> float | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("cpu MHz"):
                return round(float(line.partition(":")[2]))
    except (OSError, ValueError):
        pass
    return None
