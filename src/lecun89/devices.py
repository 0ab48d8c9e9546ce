"""The device layer: choose a device and say why, set it up, synchronise it, describe the machine.

PyTorch is imported inside the functions, so that names can be checked without it.
"""

import logging
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lecun89.exceptions import DeviceError, one_line, shortened, unknown_name

# The native engine does as many examples in about 2 ms, which is what launching the kernels of one
# step takes on a GPU.
_GPU_STEP_SIZE = 512

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of device: what of it is not as with the others.

    Attributes:
        name: as PyTorch names it.
        fastest: the engine that trains fastest on it.
        why_absent: why there is none, in words; None when there is one.
        module: PyTorch's module for it; None for the CPU, which needs none. With `captures` it has
            graphs, streams and events as ``torch.cuda`` has.
        numbered: whether there may be several, ``cuda:0`` and so on.
        captures: whether steps can be captured as graphs.
        evaluated: examples times networks that are evaluated at once, each with 19 kB of windows.
        side: of the square matrices whose product measures its peak.
        copied: float32 numbers whose copy measures its bandwidth.
    """

    name: str
    fastest: str
    why_absent: Callable[[], str | None]
    module: Callable[[], Any] | None = None
    numbered: bool = False
    captures: bool = False
    evaluated: int = 1 << 13
    side: int = 1024
    copied: int = 1 << 25

    def names(self) -> list[str]:
        """Of its devices; there is at least one."""
        if not self.numbered:
            return [self.name]
        assert self.module is not None
        return [f"{self.name}:{index}" for index in range(self.module().device_count())]

    def which(self, device: str) -> list[str]:
        """What its module is given to mean one of them: nothing where there is only one."""
        return [device] if self.numbered else []

    def describe(self, device: str) -> str:
        """The model of one of them."""
        if self.numbered:
            assert self.module is not None
            return str(self.module().get_device_name(device))
        return cpu_model() if self.module is None else "Apple GPU through Metal"


def kind_of(device: str) -> Kind:
    """The kind of a device, ``cpu``, ``cuda:N`` or ``mps``."""
    return KINDS[device.partition(":")[0]]


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
    pattern = "|".join(rf"{k.name}(:\d{{1,3}})?" if k.numbered else k.name for k in KINDS.values())
    if not re.fullmatch(f"auto|{pattern}", name, re.ASCII):
        numbered = [f"{kind.name}:N" for kind in KINDS.values() if kind.numbered]
        raise unknown_name("device", name, ("auto", *KINDS, *numbered))
    return name


def list_devices() -> list[DeviceState]:
    """The state of every device that this package can use, the CPU first."""
    devices = []
    for kind in KINDS.values():
        if (reason := kind.why_absent()) is not None:
            devices.append(DeviceState(kind.name, False, reason))
            continue
        for name in kind.names():
            reason = why_unusable(name)
            devices.append(DeviceState(name, reason is None, reason or kind.describe(name)))
    return devices


def why_unusable(device: str) -> str | None:
    """Why a device that is listed cannot be used, in words; None when it can.

    A small computation tells, once: a GPU that is busy, full or too old for this PyTorch is listed
    like any other.

    Args:
        device: ``cpu``, ``cuda:N`` or ``mps``.
    """
    kind = kind_of(device)
    if kind.module is None:
        return None
    if (reason := kind.why_absent()) is not None:
        return reason
    if device not in kind.names():
        count = len(kind.names())
        index = device.partition(":")[2]
        return f"index {index} is out of range, there {'is' if count == 1 else 'are'} {count}"
    return _probe(device)


@cache
def _probe(device: str) -> str | None:
    import torch

    try:
        a = torch.arange(64.0, device=device).view(8, 8).requires_grad_()
        (a @ a).sum().backward()
        assert a.grad is not None
        right = float(a.grad.sum()) == 2 * 8 * float(torch.arange(64.0).sum())
    except Exception as error:  # each kind of failure has its own
        return _first_sentence(error)
    return None if right else "it computes wrong numbers"


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
    numbered = kind_of(requested).numbered and ":" not in requested
    device = f"{requested}:0" if numbered else requested
    if (reason := why_unusable(device)) is not None:
        names = ", ".join(device.name for device in list_devices() if device.available)
        raise DeviceError(f"device {requested} is not available: {reason}; available: {names}")
    return DeviceChoice(device, "as asked")


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
        return  # its operators are deterministic
    # As `use_deterministic_algorithms(True)`, which would import PyTorch's compiler.
    torch.set_deterministic_debug_mode("error")
    # It would fill every new tensor with NaN, which costs time and changes no result here.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    for owner, name, exact in _precisions():
        setattr(owner, name, exact)


def _precisions() -> list[tuple[Any, str, Any]]:
    """Where float32 is set to be float32, by the names of this PyTorch: never by both."""
    import torch

    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(cuda, "fp32_precision"):  # from 2.9 on
        of_cudnn = (getattr(cudnn, name) for name in ("conv", "rnn"))
        return [(owner, "fp32_precision", "ieee") for owner in (cuda, *of_cudnn)]
    return [(owner, "allow_tf32", False) for owner in (cuda, cudnn)]


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

    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    precisions = [(owner, name, getattr(owner, name)) for owner, name, _ in _precisions()]
    fill = getattr(torch.utils.deterministic, "fill_uninitialized_memory")  # noqa: B009
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", fill)  # noqa: B010
        for owner, name, value in precisions:
            if getattr(owner, name) != value:
                setattr(owner, name, value)


def synchronize(device: str) -> None:
    """Wait until everything that was sent to the device is done; the CPU never lags behind."""
    kind = kind_of(device)
    if kind.module is not None:
        kind.module().synchronize(*kind.which(device))


def random_states(device: str) -> dict[str, Any]:
    """States of PyTorch's generators, the CPU's and a device's, by the names of their kinds."""
    import torch

    kind, states = kind_of(device), {"cpu": torch.get_rng_state()}
    if kind.module is not None:
        states[kind.name] = kind.module().get_rng_state(*kind.which(device))
    return states


def set_random_states(device: str, states: dict[str, Any]) -> None:
    """Go on with draws from there; the states of other kinds of devices are left alone.

    Raises:
        ValueError: one is no such state, or that of the CPU is missing; nothing is changed.
    """
    import torch

    kind = kind_of(device)
    try:
        for name, where in {"cpu": "cpu", kind.name: device}.items():
            if name == "cpu" or name in states:
                torch.Generator(where).set_state(states[name])
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"no random state: {one_line(error)}") from error
    torch.set_rng_state(states["cpu"])
    if kind.module is not None and kind.name in states:
        kind.module().set_rng_state(states[kind.name], *kind.which(device))


@contextmanager
def random_restored(device: str) -> Iterator[None]:
    """After the block, draws go on as if there had been none in it."""
    states = random_states(device)
    try:
        yield
    finally:
        set_random_states(device, states)


def free_memory(device: str) -> int | None:
    """Bytes that can still be taken of the device's memory; None where nothing tells."""
    kind = kind_of(device)
    if kind.captures:
        assert kind.module is not None
        return int(kind.module().mem_get_info(device)[0])
    with suppress(OSError, ValueError):  # an Apple GPU's memory is the machine's
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of PyTorch says that a device has no memory left."""
    words = ("out of memory", "ALLOC_FAILED", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


@contextmanager
def telling_out_of_memory(device: str) -> Iterator[None]:
    """Within the block, a device without memory is an error of ours.

    Raises:
        DeviceError: it was out of memory; the message says what to do.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{device} is out of memory: {_first_sentence(error)}; lower --batch-size, or "
            "--workers, the networks side by side"
        ) from error


class Stopwatch:
    """Times work on a device: by its own events on CUDA, by the wall clock elsewhere.

    What was sent to the device before is waited for, and what is timed is waited for.
    """

    def __init__(self, device: str) -> None:
        """A stopwatch for ``cpu``, ``cuda:N`` or ``mps``."""
        kind = kind_of(device)
        self._device = device
        self._module = kind.module() if kind.module is not None and kind.captures else None
        self._began: Any = None

    def start(self) -> None:
        """Begin, when all before is done."""
        synchronize(self._device)
        self._began = time.perf_counter() if self._module is None else self._event()

    def stop(self) -> float:
        """Seconds since `start`, when all is done."""
        if self._module is not None:
            ended = self._event()
            synchronize(self._device)
            return float(self._began.elapsed_time(ended)) / 1e3
        synchronize(self._device)
        return float(time.perf_counter() - self._began)

    def _event(self) -> Any:
        assert self._module is not None
        with self._module.device(self._device):
            event = self._module.Event(enable_timing=True)
            event.record()
        return event


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
    if device != "cpu":
        description["gpu"] = kind_of(device).describe(device)
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
    if sys.platform == "darwin":  # where platform.processor() says "arm"
        asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
            return done.stdout.strip()
    return platform.processor() or platform.machine()


def _choose_automatically(step_size: int) -> DeviceChoice:
    if step_size == 1:
        return DeviceChoice("cpu", "one example at a time is fastest on the CPU")
    if step_size < _GPU_STEP_SIZE:
        return DeviceChoice("cpu", "small batches are fastest on the CPU")
    reasons = []
    for kind in KINDS.values():
        if kind.module is None or kind.why_absent() is not None:
            continue
        for name in kind.names():
            if (reason := why_unusable(name)) is None:
                return DeviceChoice(name, "large batches go to the GPU")
            reasons.append(f"{name} cannot be used: {reason}")
    if not reasons:
        return DeviceChoice("cpu", "no GPU is available")
    _log.warning("warning: %s; the CPU is used", "; ".join(reasons))
    return DeviceChoice("cpu", "; ".join(reasons))


def _first_sentence(error: BaseException) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return shortened(first).partition(". ")[0].rstrip(".")


def _cuda_absent() -> str | None:
    if (reason := why_no_torch()) is not None:
        return reason
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()
        count = torch.cuda.device_count()
    except (RuntimeError, AssertionError) as error:
        return _first_sentence(error)
    return None if count else "no CUDA device is visible"


def _mps_absent() -> str | None:
    if (reason := why_no_torch()) is not None:
        return reason
    import torch

    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS"
    if not torch.backends.mps.is_available():
        return "this machine has no Apple GPU that torch can use"
    return None


def _cuda() -> Any:
    import torch

    return torch.cuda


def _mps() -> Any:
    import torch

    return torch.mps


KINDS = {
    kind.name: kind
    for kind in (
        Kind("cpu", "native", lambda: None),
        Kind(
            "cuda",
            "graph",
            lambda: _cuda_absent(),
            _cuda,
            numbered=True,
            captures=True,
            evaluated=1 << 16,
            side=4096,
            copied=1 << 28,
        ),
        Kind("mps", "eager", lambda: _mps_absent(), _mps, side=2048, copied=1 << 26),
    )
}
"""Kinds of device by name, in the order in which `auto` looks for one."""
