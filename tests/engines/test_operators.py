"""What the engines ask of an Apple GPU, told by what they ask of a simulated device."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import get_engine, make_engine
from lecun89.variants import VARIANTS, get_variant
from tests import fakedevice as simulated
from tests.conftest import GPU, first

pytestmark = pytest.mark.simulated


@pytest.fixture(scope="module")
def used(few: dict[str, Digits]) -> simulated.State:
    """The simulated device after every variant was trained on it as on an Apple GPU."""
    kind = replace(devices.KINDS["fake"], captures=False)  # which has no graphs
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(devices.KINDS, "fake", kind)
        _train_all({name: first(digits, 64) for name, digits in few.items()})
    return simulated.State()


def _train_all(digits: dict[str, Digits]) -> None:
    devices.set_up(GPU, 1)
    simulated.State.operators.clear()
    simulated.State.dtypes.clear()
    for engine in ("eager", "graph"):
        for name in (*VARIANTS, "base+table=cyclic"):
            variant = get_variant(name).on("1989")
            if variant.teacher or get_engine(engine).lacking(variant, GPU) is not None:
                continue
            size = 1 if variant.optimizer.startswith("sdlm") else 8
            made = make_engine(engine, variant, [1], digits, device=GPU, batch_size=size)
            made.begin_pass(1, [variant.lr])
            made.run_steps(0, 1)
            made.end_pass()
            made.is_finite()
            made.scores("test")
            made.states()


def test_every_operator_has_a_kernel_for_apple_gpus(used: simulated.State) -> None:
    torchgen = pytest.importorskip("torchgen.gen", reason="this PyTorch has no torchgen")
    from torchgen.model import DispatchKey

    directory = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native"
    table = torchgen.parse_native_yaml(
        str(directory / "native_functions.yaml"),
        str(directory / "tags.yaml"),
        skip_native_fns_gen=True,
    )
    functions = {str(function.func.name): function for function in table.native_functions}
    kernels = table.backend_indices[DispatchKey.MPS]

    def has_kernel(name: str) -> bool:
        function = functions[name]
        delegate = function.structured_delegate
        return (
            kernels.has_kernel(function)
            or (delegate is not None and kernels.has_kernel(functions[str(delegate)]))
            or function.has_composite_implicit_autograd_kernel
            or function.has_composite_explicit_autograd_kernel
            or function.has_composite_explicit_autograd_non_functional_kernel
        )

    assert len(used.operators) > 60
    assert [name for name in sorted(used.operators) if not has_kernel(name)] == []
    assert not has_kernel("_cudnn_rnn")


def test_no_operator_has_numbers_that_apple_gpus_lack(used: simulated.State) -> None:
    lacked = {torch.float64, torch.complex128, torch.uint16, torch.uint32, torch.uint64}
    assert used.dtypes.isdisjoint(lacked)
    assert torch.float32 in used.dtypes
