"""The device layer: choose a device and say why, set it up, synchronise it, describe the machine.

PyTorch is imported inside the functions, so that names can be checked without it.
"""

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lecun89.exceptions import DeviceError, UsageError, one_line, unknown_name

# The native engine does as many examples in about 2 ms, which is what launching the kernels of one
# step takes on a GPU.
_GPU_STEP_SIZE = 512

NAMES = ("auto", "cpu", "cuda", "cuda:N", "mps")


@dataclass(frozen=True)
class DeviceChoice:
    """A chosen device.

    Attributes:
        device: ``cpu``, ``cuda:N`` or ``mps``, as PyTorch names it.
        reason: why this one, in words.
    """

    device: str
    reason: str


@dataclass(frozen=True)
class DeviceState:
    """What is known of a device.

    Attributes:
        name: ``cpu``, ``cuda:N``, ``cuda`` (when there is none) or ``mps``.
        available: whether a training can run on it.
        detail: its model, or why it is not available.
    """

    name: str
    available: bool
    detail: str


def check_name(name: str) -> str:
    """The name itself, when it could name a device.

    Raises:
        UsageError: it could not.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", name, re.ASCII):
        raise unknown_name("device", name, NAMES)
    return name


def list_devices() -> list[DeviceState]:
    """The state of every device that this package can use, the CPU first."""
    devices = [DeviceState("cpu", True, cpu_model())]
    reason = _cuda_unavailable()
    if reason:
        devices.append(DeviceState("cuda", False, reason))
    else:
        import torch

        devices += [
            DeviceState(f"cuda:{index}", True, torch.cuda.get_device_name(index))
            for index in range(torch.cuda.device_count())
        ]
    reason = _mps_unavailable()
    devices.append(DeviceState("mps", not reason, reason or "Apple GPU through Metal"))
    return devices


def why_no_torch() -> str | None:
    """Why PyTorch cannot be imported, in words; None when it can."""
    try:
        import torch  # noqa: F401
    except Exception as error:  # a broken package raises more than ImportError
        return f"cannot import torch: {one_line(error)}"
    return None


def require_torch() -> None:
    """Check that PyTorch can be imported.

    Raises:
        DeviceError: it cannot.
    """
    if (reason := why_no_torch()) is not None:
        raise DeviceError(f"{reason}; install PyTorch again")


def choose(requested: str, *, step_size: int) -> DeviceChoice:
    """The device to train on.

    Args:
        requested: ``auto`` or a device's name.
        step_size: examples in a step, or that are evaluated at once.

    Raises:
        UsageError: no device has such a name.
        DeviceError: the device is not available; the message says why, and what is.
    """
    check_name(requested)
    if requested == "auto":
        return _choose_automatically(step_size)
    if requested == "cpu":
        return DeviceChoice("cpu", "as asked")
    reason = _mps_unavailable() if requested == "mps" else _cuda_unavailable(requested)
    if reason:
        names = ", ".join(device.name for device in list_devices() if device.available)
        raise DeviceError(f"device {requested} is not available: {reason}; available: {names}")
    return DeviceChoice("cuda:0" if requested == "cuda" else requested, "as asked")


def set_up(device: str, threads: int) -> None:
    """Make PyTorch compute the same bits from run to run, with that many CPU threads.

    Args:
        device: the device that will be used.
        threads: CPU threads of one operation, at least 1.

    Raises:
        DeviceError: PyTorch is broken, or operators would silently run elsewhere.
    """
    require_torch()
    if device == "mps" and os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK", "0") != "0":
        raise DeviceError(
            "PYTORCH_ENABLE_MPS_FALLBACK is set, so that operators could run on the CPU "
            "unnoticed: unset it"
        )
    # cuBLAS reads this when it is first used; without it deterministic algorithms are refused.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(threads)
    if device == "cpu":
        return  # its operators are deterministic, and to say so would import PyTorch's compiler
    torch.use_deterministic_algorithms(True)
    # It would fill every new tensor with NaN, which costs time and changes no result here.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


@contextmanager
def restored(*, used: bool) -> Iterator[None]:
    """After the block, PyTorch's global settings are those before it.

    Args:
        used: whether PyTorch is used in the block at all.
    """
    if not used:
        yield
        return
    require_torch()
    import torch

    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    threads, tf32 = torch.get_num_threads(), (cuda.allow_tf32, cudnn.allow_tf32)
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = getattr(torch.utils.deterministic, "fill_uninitialized_memory")  # noqa: B009
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", fill)  # noqa: B010
        cuda.allow_tf32, cudnn.allow_tf32 = tf32


def synchronize(device: str) -> None:
    """Wait until everything that was sent to the device is done; the CPU never lags behind."""
    if device == "cpu":
        return
    import torch

    if device == "mps":
        torch.mps.synchronize()
    else:
        torch.cuda.synchronize(device)


class Stopwatch:
    """Times work on a device: by its own events on CUDA, by the wall clock elsewhere.

    What was sent to the device before is waited for, and what is timed is waited for.
    """

    def __init__(self, device: str) -> None:
        """A stopwatch for ``cpu``, ``cuda:N`` or ``mps``."""
        self._device = device
        self._began: Any = None

    def start(self) -> None:
        """Begin, when all before is done."""
        synchronize(self._device)
        if self._device.startswith("cuda"):
            import torch

            with torch.cuda.device(self._device):
                self._began = torch.cuda.Event(enable_timing=True)
                self._began.record()
        else:
            self._began = time.perf_counter()

    def stop(self) -> float:
        """Seconds since `start`, when all is done."""
        if self._device.startswith("cuda"):
            import torch

            with torch.cuda.device(self._device):
                ended = torch.cuda.Event(enable_timing=True)
                ended.record()
            synchronize(self._device)
            return float(self._began.elapsed_time(ended)) / 1e3
        synchronize(self._device)
        return float(time.perf_counter() - self._began)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: int) -> int:
    """The number itself, when it is a sensible number of CPU threads.

    Raises:
        UsageError: it is below 1, or above what this machine has.
    """
    most = os.cpu_count() or 1
    if not 1 <= threads <= most:
        raise UsageError(f"--threads {threads} is out of range: this machine has 1 to {most}")
    return threads


def describe_machine(device: str, *, torch_used: bool = True) -> dict[str, Any]:
    """The machine and the versions, as values for JSON; results are only comparable on equals.

    Args:
        device: the device in use; a GPU is described only then, because asking starts it.
        torch_used: whether PyTorch has a part in the results.

    Raises:
        DeviceError: it has, and is broken.
    """
    import numpy as np

    from lecun89.version import __version__

    description: dict[str, Any] = {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "lecun89": __version__,
        "numpy": np.__version__,
    }
    if not torch_used:
        return description
    require_torch()
    import torch

    description |= {
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda,
    }
    if device.startswith("cuda"):
        description["gpu"] = torch.cuda.get_device_name(device)
    return description


def cpu_model() -> str:
    """The processor's name, as the operating system tells it."""
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _choose_automatically(step_size: int) -> DeviceChoice:
    if step_size == 1:
        return DeviceChoice("cpu", "one example at a time is fastest on the CPU")
    if step_size < _GPU_STEP_SIZE:
        return DeviceChoice("cpu", "small batches are fastest on the CPU")
    if not _cuda_unavailable():
        return DeviceChoice("cuda:0", "large batches go to the GPU")
    if not _mps_unavailable():
        return DeviceChoice("mps", "large batches go to the GPU")
    return DeviceChoice("cpu", "no GPU is available")


def _cuda_unavailable(name: str = "cuda") -> str | None:
    if (reason := why_no_torch()) is not None:
        return reason
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()
        count = torch.cuda.device_count()
    except (RuntimeError, AssertionError) as error:
        return one_line(error).partition(". ")[0].rstrip(".")
    if count == 0:
        return "no CUDA device is visible"
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        return f"index {index} is out of range, there {'is' if count == 1 else 'are'} {count}"
    return None


def _mps_unavailable() -> str | None:
    if (reason := why_no_torch()) is not None:
        return reason
    import torch

    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS"
    if not torch.backends.mps.is_available():
        return "this machine has no Apple GPU that torch can use"
    return None
