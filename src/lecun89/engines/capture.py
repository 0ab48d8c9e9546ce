"""Work that is captured on a device as a graph, and then launched at once."""

from collections.abc import Callable
from typing import Any

import torch

from lecun89.devices import kind_of

_WARM_UPS = 3


class Graphs:
    """Captured work by its names, which reads and writes the same tensors at every replay."""

    def __init__(self, device: torch.device) -> None:
        """None yet."""
        self._device, self._kind = device, kind_of(str(device))
        self._graphs: dict[str, Any] = {}
        self._stream: Any = None

    def __contains__(self, name: str) -> bool:
        """Whether it is captured."""
        return name in self._graphs

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work a few times: what libraries do once must not be captured."""
        module = self._module()
        # A stream of its own: the one that PyTorch would take belongs to the first device that
        # captured anything, and is shared by all engines.
        self._stream = module.Stream(self._device)
        with module.device(self._device):
            self._stream.wait_stream(module.current_stream())
            with module.stream(self._stream):
                for _ in range(_WARM_UPS):
                    work()
            module.current_stream().wait_stream(self._stream)

    def add(self, name: str, work: Callable[[], None], times: int = 1) -> None:
        """Capture the work, so many times in a row, after it was warmed up."""
        module = self._module()
        graph = module.CUDAGraph()
        # They never run at the same time, and nothing of one is read after it.
        pool = next(iter(self._graphs.values())).pool() if self._graphs else None
        with module.device(self._device), module.graph(graph, pool=pool, stream=self._stream):
            for _ in range(times):
                work()
        self._graphs[name] = graph

    def replay(self, name: str, work: Callable[[], None]) -> None:
        """Launch what was captured by that name, or do the work."""
        graph = self._graphs.get(name)
        if graph is None:
            work()
        else:
            graph.replay()

    def _module(self) -> Any:
        assert self._kind.module is not None
        return self._kind.module()
