"""Does the simulated accelerator notice faults? Each is put into an engine, and must be told."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lecun89 import devices
from lecun89.data import Digits
from lecun89.variants import VARIANTS, get_variant
from tests import fakedevice as simulated
from tests.conftest import GPU

pytestmark = [pytest.mark.simulated, pytest.mark.slow]

GRAPH = {
    "a number read in the step": (
        "        self._losses.copy_(total.detach())\n",
        "        float(total.sum()); self._losses.copy_(total.detach())\n",
    ),
    "a tensor of the host in the step": (
        "self._losses.copy_(total.detach())",
        "self._losses.copy_(total.detach() * torch.ones(1))",
    ),
    "a tensor copied to the device in the step": (
        "self._losses.copy_(total.detach())",
        "self._losses.copy_(total.detach() * torch.ones(1).to(self._device))",
    ),
    "steps counted in Python": (
        "shares = self._presented, self._shares[self._step]",
        "shares = self._presented, self._shares[[int(self._updates) % self.steps_per_pass]]",
    ),
    "the learning rate replaced": (
        "self._lr.copy_(torch.tensor(lrs)[:, None])",
        "self._lr = torch.tensor(lrs)[:, None].to(self._device)",
    ),
    "the pass replaced": (
        "self._pass.fill_(number)",
        "self._pass = torch.full_like(self._pass, number)",
    ),
    "the corrections replaced": (
        "self._corrections.copy_(torch.tensor(corrections))",
        "self._corrections = torch.tensor(corrections).float().to(self._device)",
    ),
    "the weights replaced": (
        "self._weights.copy_(torch.tensor(np.stack([weights for weights, _, _ in unpacked])))",
        "self._weights = torch.tensor(np.stack([w for w, _, _ in unpacked])).to(self._device)",
    ),
    "losses left in a graph's memory": (
        "self._losses.copy_(total.detach())",
        "self._losses = total.detach()",
    ),
    "steps not counted": ("        self._step += 1\n", ""),
    "a table on the host": (
        "self._taps = self._stacked.taps(variant.shift).to(of)",
        "self._taps = self._stacked.taps(variant.shift)",
    ),
    "places on the host": (
        "self._rows = rows.clamp(max=examples - 1).to(of)",
        "self._rows = rows.clamp(max=examples - 1)",
    ),
    "not restored after warming up": (
        "            tensor.copy_(value)\n",
        "            pass\n",
    ),
    "a mask by its places": (
        "kept = of_each(self._kept, rows) * (1",
        "kept = of_each(self._kept, rows); kept[kept.nonzero(as_tuple=True)] = True\n"
        "            kept = kept * (1",
    ),
    "moments of the host": (
        "torch.zeros_like(self._weights) for key in",
        "torch.zeros(self._weights.shape) for key in",
    ),
    "a number read in the backward pass": (
        "            total = (per_example * shares).sum(dim=1)\n",
        "            total = (per_example * shares).sum(dim=1)\n"
        "            total.register_hook(lambda g: g * float(g.sum()))\n",
    ),
    "a tensor of the host in the backward pass": (
        "            total = (per_example * shares).sum(dim=1)\n",
        "            total = (per_example * shares).sum(dim=1)\n"
        "            total.register_hook(lambda g: g * torch.ones(len(g)))\n",
    ),
}
EAGER = {
    "the generator of the host": (
        "torch.Generator(self._device).manual_seed(self._seed)",
        "torch.Generator().manual_seed(self._seed)",
    ),
    "a number read in each step": (
        "            loss.backward()\n",
        "            loss.backward()\n            loss.item()\n",
    ),
    "the order on the host": (
        "self._order = torch.tensor(shown.order, device=self._device).long()",
        "self._order = torch.tensor(shown.order).long()",
    ),
}


def mutated(name: str, old: str, new: str) -> ModuleType:
    """A module of the engines with a fault in it."""
    real = importlib.import_module(f"lecun89.engines.{name}")
    assert real.__file__ is not None
    source = Path(real.__file__).read_text(encoding="utf-8")
    assert old in source
    module = ModuleType(real.__name__)
    exec(compile(source.replace(old, new), real.__file__, "exec"), module.__dict__)
    return module


def check_graph(kind: Any, few: dict[str, Digits]) -> None:
    """Train on both devices in step, resume, and compare the bits."""
    for name in ("base", "modern"):
        variant = VARIANTS[name]
        lrs = [variant.lr, 2 * variant.lr]
        ours, cpus = (kind(variant, [0, 1], few, device=of, batch_size=64) for of in (GPU, "cpu"))
        _compare(ours, cpus)
        for number in (1, 2):
            for engine in (ours, cpus):
                engine.begin_pass(number, [number * lr for lr in lrs])
                with simulated.counting() as waits:
                    engine.run_steps(0, engine.steps_per_pass - 1)
                assert not waits
                assert engine.is_finite() == [True, True]
                engine.end_pass()
            _compare(ours, cpus)
        ours.load_states(cpus.states())
        for engine in (ours, cpus):
            engine.begin_pass(3, lrs)
            engine.run_steps(0, 9)
        _compare(ours, cpus)


def _compare(ours: Any, cpus: Any) -> None:
    for one, other in zip(ours.states(), cpus.states(), strict=True):
        assert all(np.array_equal(array, other[key]) for key, array in one.items())


def check_eager(kind: Any, few: dict[str, Digits]) -> None:
    """Train a little; no step may wait."""
    for variant in (VARIANTS["modern"], get_variant("record+teacher=no").on("1989")):
        engine = kind(variant, [1], few, device=GPU, batch_size=64)
        engine.begin_pass(1, [variant.lr])
        engine.run_steps(0, 2)
        with simulated.counting() as waits:
            engine.run_steps(2, 4)
        assert not waits
        assert engine.is_finite() == [True]


@pytest.mark.parametrize("fault", GRAPH)
def test_a_fault_of_the_graph_engine_is_told(fault: str, few: dict[str, Digits]) -> None:
    devices.set_up(GPU, 1)
    broken = mutated("graph", *GRAPH[fault])
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever it is, it is told
        check_graph(broken.GraphEngine, few)
    simulated.State.kept = simulated.State.capturing = None


@pytest.mark.parametrize("fault", EAGER)
def test_a_fault_of_the_eager_engine_is_told(fault: str, few: dict[str, Digits]) -> None:
    devices.set_up(GPU, 1)
    broken = mutated("eager", *EAGER[fault])
    with pytest.raises(Exception):  # noqa: B017, PT011
        check_eager(broken.EagerEngine, few)
    simulated.State.kept = simulated.State.capturing = None


def test_without_a_fault_nothing_is_told(few: dict[str, Digits]) -> None:
    devices.set_up(GPU, 1)
    check_graph(mutated("graph", "", "").GraphEngine, few)
    check_eager(mutated("eager", "", "").EagerEngine, few)
