"""The plan of the graph engine's memory, against its very code on the `meta` device."""

import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import choice, memory
from lecun89.engines.graph import GraphEngine
from lecun89.settings import Settings, in_step
from lecun89.variants import get_variant


class Peak(TorchDispatchMode):
    """Counts the bytes of all tensors on `meta` that are alive, and their most."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in pytree.tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.device.type == "meta":
                self._count(x.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone() -> None:
            self.alive -= size
            self._known.discard(key)

        self._known.add(key)
        self.alive += size
        self.most = max(self.most, self.alive)
        weakref.finalize(storage, gone)


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """`meta` as a device, on which nothing is computed."""
    kind = replace(devices.KINDS["cpu"], name="meta")
    monkeypatch.setitem(devices.KINDS, "meta", kind)
    monkeypatch.setattr(GraphEngine, "_check", lambda *given: None)


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        *(("base", 64), ("base", 2000), ("fast", 16), ("shift", 512)),
        *(("modern", 1), ("modern", 1024), ("modern-h3", 512)),
        *(("record", 32), ("record", 1024), ("adamw+shuffle=yes", 512)),
        *(("base+planes=4", 512), ("modern+planes=24", 512), ("base+table=cyclic", 512)),
        *(("paper", 1), ("paper+planes=24", 1), ("fc40", 1)),
    ],
)
def test_a_step_takes_no_more_than_planned_and_not_much_less(
    name: str, batch_size: int, splits: dict[str, Digits]
) -> None:
    variant = get_variant(name)

    def most(networks: int) -> int:
        with Peak() as peak:
            engine = GraphEngine(
                variant, range(networks), splits, device="meta", batch_size=batch_size
            )
            engine.begin_pass(1, [0.01] * networks)
            peak.most = peak.alive  # of what only drew, nothing is left
            engine.run_steps(0, 1)
            return peak.most

    each = (most(6) - most(2)) / 4
    planned = memory.bytes_per_network(variant, batch_size, len(splits["train"]))
    assert 0.6 * planned <= each <= planned


def test_as_many_networks_as_memory_holds(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    def planned(gigabytes: int | None, **changes: Any) -> int:
        free = None if gigabytes is None else gigabytes << 30
        monkeypatch.setattr(devices, "free_memory", lambda device: free)
        of: Settings = settings(engine="graph", variant="modern", **changes)
        return in_step(of)

    assert planned(80) == choice.ENGINES["graph"].most_networks
    assert planned(None, batch_size=None) == choice.ENGINES["graph"].most_networks
    at_full = planned(80, batch_size=None)
    assert 80 <= at_full <= 256  # of 0.45 GB each
    assert planned(8, batch_size=None) < at_full
    assert planned(2, batch_size=None) == 1
    assert in_step(settings(engine="native"), 8) == 1
    assert in_step(settings(engine="graph"), 7) == 7
