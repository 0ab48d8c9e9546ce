"""A simulated accelerator: device `fake:0`, whose tensors are CPU tensors inside.

A pytest plugin, because PyTorch has room for one such device in a process:
``pytest -p tests.fakedevice -m "gpu or simulated"``. Its rules are CUDA's:

- an operator does not mix its tensors with the CPU's, except CPU scalars;
- whatever makes the host wait, or copies between host and device, is counted in `State.waits`;
- what is captured is not executed but recorded, operator by operator, and a replay runs the record
  on the very same memory; the memory that a graph took is full of NaN after each replay;
- memory that was never written holds NaN;
- an allocation can be made to fail, and so can every kernel.

Numbers are the CPU's, so that results can be compared to the bit. An exception inside a backward
pass would abort the process, so there it is kept, and raised by the operator after it.
"""

import collections
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, ClassVar

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import return_and_correct_aliasing

OLDEST_TORCH = (2, 10)
aten = torch.ops.aten
_CpuGenerator = torch.Generator

# Operators after which the host knows a number, so it has waited.
_WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "bincount"}
# Views whose schemas do not say that they are.
_VIEWS = {"_unsafe_view", "_reshape_alias", "lift_fresh"}
# Of these, CUDA's kernels do not take even a scalar of the CPU; of the indexing ones they take any
# index, which is copied first.
_NO_SCALARS = {"cat", "stack", "gather", "mm", "bmm", "addmm"}
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}


class State:
    """What the device has been asked to do, and what it is to do about it."""

    waits: ClassVar[collections.Counter[str]] = collections.Counter()
    operators: ClassVar[set[str]] = set()  # by their names in native_functions.yaml
    dtypes: ClassVar[set[torch.dtype]] = set()  # of their results
    replays = 0
    allocations = 0
    fail_at: int | None = None  # the allocation, counted from now, that runs out of memory
    broken: Exception | None = None  # what every kernel raises
    kept: Exception | None = None  # raised in a backward pass
    capturing: "Graph | None" = None


@contextmanager
def counting() -> Iterator[collections.Counter[str]]:
    """What makes the host wait within the block."""
    before, found = collections.Counter(State.waits), collections.Counter[str]()
    yield found
    _raise_kept()
    found.update(State.waits - before)


@contextmanager
def failing_allocation(number: int) -> Iterator[None]:
    """Within the block, that allocation, counted from 1, runs out of memory."""
    State.fail_at = number
    try:
        yield
        _raise_kept()
    finally:
        State.fail_at = State.kept = None


def _refuse(error: Exception) -> None:
    if torch._C._current_graph_task_id() == -1:
        raise error
    State.kept = State.kept or error


def _each(work: Callable[[torch.Tensor], Any], results: Any) -> Any:
    """Results of an operator, with each tensor replaced; mostly there is one."""
    if isinstance(results, torch.Tensor):
        return work(results)
    return pytree.tree_map_only(torch.Tensor, work, results)


def _tensors(results: Any) -> list[torch.Tensor]:
    if isinstance(results, torch.Tensor):
        return [results]
    return [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, torch.Tensor)]


def _raise_kept() -> None:
    error, State.kept = State.kept, None
    if error is not None:
        raise error


def _wait(what: str) -> None:
    State.waits[what] += 1
    if State.capturing is not None:
        _refuse(RuntimeError(f"operation not permitted when stream is capturing: {what}"))


def _allocate(raw: torch.Tensor) -> torch.Tensor:
    """New memory of the device, which holds what nobody wrote."""
    State.allocations += 1
    if State.fail_at is not None:
        State.fail_at -= 1
        if State.fail_at == 0:
            _refuse(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    if State.capturing is not None:
        State.capturing.memory.append(raw)
    return raw


def _spoil(raw: torch.Tensor) -> torch.Tensor:
    return raw.fill_(float("nan") if raw.is_floating_point() else 77) if raw.numel() else raw


class FakeTensor(torch.Tensor):
    """A tensor of the device; `raw` is what it holds."""

    raw: torch.Tensor

    @staticmethod
    def __new__(cls, raw: torch.Tensor) -> "FakeTensor":
        out = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            raw.shape,
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=torch.device("fake:0"),
        )
        out.raw = raw
        return out

    def tolist(self) -> Any:
        """As PyTorch's, which refuses subclasses."""
        return self.cpu().tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatch(func, args, kwargs or {})


def _dispatch(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if torch._C._current_graph_task_id() == -1:
        _raise_kept()
    name = func._overloadpacket.__name__
    State.operators.add(".".join(filter(None, (name, func._schema.overload_name))))
    if State.broken is not None and name not in ("detach", "empty", "empty_strided"):
        _refuse(State.broken)
    if name == "copy_":
        _copy(args[1], args[0])
        return args[0]
    if name == "_to_copy":
        return _to_copy(func, args[0], kwargs)
    if name in _WAITING:
        _wait(name)
    leaves, spec = pytree.tree_flatten((args, kwargs))
    _check_devices(name, leaves)
    raw_args, raw_kwargs = pytree.tree_unflatten(
        [leaf.raw if isinstance(leaf, FakeTensor) else leaf for leaf in leaves], spec
    )
    asked = raw_kwargs.get("device")
    if asked is not None:
        raw_kwargs["device"] = torch.device("cpu")
        if torch.device(asked).type == "cpu":
            return func(*raw_args, **raw_kwargs)
    if State.capturing is not None and name not in _WAITING:
        out = State.capturing.record(func, raw_args, raw_kwargs)
    else:
        out = func(*raw_args, **raw_kwargs)
        if not _is_view(func) and not func._schema.is_mutable:
            _each(_allocate, out)
    if name in ("_local_scalar_dense", "equal"):
        return out
    State.dtypes |= {x.dtype for x in _tensors(out)}
    wrapped = _each(FakeTensor, out)
    if name in _VIEWS:
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _check_devices(name: str, leaves: list[Any]) -> None:
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    if not any(isinstance(tensor, FakeTensor) for tensor in tensors):
        return
    for tensor in tensors:
        if isinstance(tensor, FakeTensor) or (tensor.dim() == 0 and name not in _NO_SCALARS):
            continue
        if name in _INDEXING:
            _wait(f"copy of an index of {name}")
        else:
            _refuse(
                RuntimeError(
                    f"{name}: Expected all tensors to be on the same device, but found at least "
                    "two devices, fake:0 and cpu!"
                )
            )
    generators = [leaf for leaf in leaves if isinstance(leaf, _CpuGenerator)]
    if any(generator._cdata not in Generator.of_device for generator in generators):
        _refuse(RuntimeError("Expected a 'fake' device type for generator but found 'cpu'"))


@cache
def _is_view(func: Any) -> bool:
    schema = func._schema
    shares = any(value.alias_info is not None for value in schema.returns)
    return func._overloadpacket.__name__ in _VIEWS or (shares and not schema.is_mutable)


def _copy(source: torch.Tensor, target: torch.Tensor) -> None:
    if isinstance(target, FakeTensor) and isinstance(source, FakeTensor):
        if State.capturing is not None:
            State.capturing.record(aten.copy_.default, (target.raw, source.raw), {})
        else:
            target.raw.copy_(source.raw)
    elif isinstance(target, FakeTensor):
        _wait("copy to the device")
        target.raw.copy_(source)
    else:
        assert isinstance(source, FakeTensor)
        _wait("copy to the host")
        target.copy_(source.raw)


def _to_copy(func: Any, source: FakeTensor, kwargs: dict[str, Any]) -> torch.Tensor:
    kwargs = {name: value for name, value in kwargs.items() if name != "non_blocking"}
    device = kwargs.pop("device", None)
    if device is not None and torch.device(device).type == "cpu":
        _wait("copy to the host")
        return func(source.raw, **kwargs)
    if State.capturing is not None:
        return FakeTensor(State.capturing.record(func, (source.raw,), kwargs))
    return FakeTensor(_allocate(func(source.raw, **kwargs)))


class Graph:
    """As ``torch.cuda.CUDAGraph``."""

    def __init__(self) -> None:
        """Nothing is captured yet."""
        self.operators: list[tuple[Any, Any, Any, list[torch.Tensor]]] = []
        self.memory: list[torch.Tensor] = []

    def pool(self) -> object:
        """Only handed on."""
        return self

    def record(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Keep an operator, whose results get memory, but no values."""
        schema = func._schema
        if _is_view(func):
            return func(*args, **kwargs)
        if schema.is_mutable:
            self.operators.append((func, args, kwargs, []))
            named = {a.name: value for a, value in zip(schema.arguments, args, strict=False)}
            named |= kwargs
            written = [
                named[a.name]
                for a in schema.arguments
                if a.alias_info is not None and a.alias_info.is_write and a.name in named
            ][: len(schema.returns)]
            return written[0] if len(written) == 1 else tuple(written) or None
        on_meta = pytree.tree_map_only(torch.Tensor, _as_meta, (args, kwargs))
        if "device" in on_meta[1]:
            on_meta[1]["device"] = torch.device("meta")
        shapes = func(*on_meta[0], **on_meta[1])
        out = _each(_like, shapes)
        made = _tensors(out)
        self.operators.append((func, args, kwargs, made))
        return out

    @torch.no_grad()
    def replay(self) -> None:
        """Run the record; what it computed for itself is worth nothing afterwards."""
        _raise_kept()
        State.replays += 1
        for func, args, kwargs, made in self.operators:
            out = func(*args, **kwargs)
            if made:
                for old, new in zip(made, _tensors(out), strict=True):
                    old.copy_(new)
        for raw in self.memory:
            _spoil(raw)


def _as_meta(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta")


def _like(x: torch.Tensor) -> torch.Tensor:
    return _allocate(_spoil(torch.empty_strided(x.shape, x.stride(), dtype=x.dtype)))


class Generator(_CpuGenerator):
    """As ``torch.Generator``; that of the device draws the CPU's numbers."""

    of_device: ClassVar[set[int]] = set()

    def __new__(cls, device: Any = "cpu") -> "Generator":
        made = super().__new__(cls, "cpu")
        if torch.device(device).type != "cpu":
            cls.of_device.add(made._cdata)
        return made


class Event:
    """As ``torch.cuda.Event``, by the wall clock."""

    def __init__(self, enable_timing: bool = False) -> None:
        """Not recorded yet."""
        assert enable_timing
        self._at = 0.0

    def record(self) -> None:
        """Now."""
        self._at = time.perf_counter()

    def elapsed_time(self, other: "Event") -> float:
        """Milliseconds until the other."""
        return (other._at - self._at) * 1e3


class Stream:
    """As ``torch.cuda.Stream``; everything is done in order anyway."""

    def __init__(self, device: Any = None) -> None:
        """Of that device."""

    def wait_stream(self, other: "Stream") -> None:
        """There is nothing to wait for."""


class Module:
    """As ``torch.cuda``, as far as this package uses it."""

    CUDAGraph, Event, Stream, current_stream = Graph, Event, Stream, Stream
    device = stream = staticmethod(nullcontext)

    @staticmethod
    @contextmanager
    def graph(graph: Graph, pool: Any = None, stream: Any = None) -> Iterator[None]:
        """Record what is done in the block."""
        State.capturing = graph
        try:
            yield
        finally:
            State.capturing = None
        _raise_kept()

    @staticmethod
    def synchronize(device: Any = None) -> None:
        """Raise what was kept."""
        _raise_kept()
        assert State.capturing is None, "synchronize while capturing"
        State.waits["synchronize"] += 1

    @staticmethod
    def get_rng_state(device: Any) -> torch.Tensor:
        """The CPU's."""
        return torch.get_rng_state()

    @staticmethod
    def set_rng_state(state: torch.Tensor, device: Any) -> None:
        """The CPU's."""
        torch.set_rng_state(state)

    @staticmethod
    def device_count() -> int:
        """There is one."""
        return 1

    @staticmethod
    def get_device_name(device: Any) -> str:
        """Of the model."""
        return "simulated accelerator"

    @staticmethod
    def empty_cache() -> None:
        """There is none."""

    @staticmethod
    def reset_peak_memory_stats(device: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def max_memory_allocated(device: Any) -> int:
        """Not known."""
        return 0

    @staticmethod
    def mem_get_info(device: Any) -> tuple[int, int]:
        """Free and all bytes."""
        return 8 << 30, 16 << 30


_library: Any = None


def _register() -> None:
    """Make the device known to PyTorch; it cannot be taken back."""
    global _library
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend("fake")
    _library = [torch.library.Library("aten", "IMPL", "PrivateUse1")]
    _library.append(torch.library.Library("_", "IMPL", "PrivateUse1"))
    _library[1].fallback(lambda func, *args, **kwargs: _dispatch(func, args, kwargs), "PrivateUse1")
    # Autocast is taken, and changes nothing.
    setattr(torch.fake, "get_amp_supported_dtype", lambda: [torch.bfloat16])  # noqa: B010
    _library.append(torch.library.Library("_", "IMPL", "AutocastPrivateUse1"))
    _library[2].fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")

    def made(raw: torch.Tensor) -> FakeTensor:
        return FakeTensor(_allocate(raw))

    def empty(size: Any, *, dtype: Any = None, **more: Any) -> FakeTensor:
        return made(_spoil(torch.empty(size, dtype=dtype, device="cpu")))

    def empty_strided(size: Any, stride: Any, *, dtype: Any = None, **more: Any) -> FakeTensor:
        return made(_spoil(torch.empty_strided(size, stride, dtype=dtype, device="cpu")))

    def arange(*bounds: Any, dtype: Any = None, **more: Any) -> FakeTensor:
        start, end, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
        cpu = {"dtype": dtype, "device": torch.device("cpu")}
        if State.capturing is not None:
            return FakeTensor(
                State.capturing.record(aten.arange.start_step, (start, end, step), cpu)
            )
        return made(torch.arange(start, end, step, **cpu))

    def copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
        _copy(source, target)
        return target

    def scalar(x: FakeTensor) -> Any:
        _wait("_local_scalar_dense")
        return x.raw.item()

    implementations: dict[str, Callable[..., Any]] = {
        "empty.memory_format": empty,
        "empty_strided": empty_strided,
        "arange": arange,
        "arange.start": arange,
        "arange.start_step": arange,
        "_copy_from": copy_from,
        "_copy_from_and_resize": copy_from,
        "_local_scalar_dense": scalar,
    }
    for name, implementation in implementations.items():
        _library[0].impl(name, implementation, "PrivateUse1")
    for name in ("torch.utils._foreach_utils", "torch.optim.optimizer"):
        importlib.import_module(name)._foreach_supported_types.append(FakeTensor)
    torch.Generator = Generator  # type: ignore[misc]


def install() -> None:
    """Make `fake:0` a device of PyTorch and of this package."""
    from lecun89 import devices

    _register()
    devices.KINDS["fake"] = devices.Kind(
        "fake",
        "graph",
        lambda: None,
        lambda: Module,
        numbered=True,
        captures=True,
        side=64,
        copied=1 << 12,
    )


def pytest_configure(config: Any) -> None:
    """As a plugin: the tests for GPUs take this device."""
    from tests import conftest

    install()
    conftest.GPU = "fake:0"
