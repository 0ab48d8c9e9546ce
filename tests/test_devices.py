import copy

import pytest
import torch

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import agreement
from lecun89.exceptions import DeviceError, UsageError
from lecun89.network.modules import Network, make_network
from lecun89.variants import VARIANTS, get_variant
from tests.conftest import GPU

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "", "cpu:0", "cuda:-1"])
def test_a_name_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="known: auto, cpu, cuda"):
        devices.choose(name, step_size=1)


@without_cuda
def test_missing_cuda_says_why_and_what_there_is() -> None:
    with pytest.raises(DeviceError, match=r"cuda is not available: .+; available: cpu"):
        devices.choose("cuda", step_size=7291)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two CUDA devices; what is wrong with one of them can be put into the dictionary."""
    broken: dict[str, str] = {}
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"GPU {name}")
    monkeypatch.setattr(devices, "_probe", broken.get)
    return broken


def test_a_gpu_that_is_listed_and_cannot_be_used(
    two_gpus: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    two_gpus["cuda:0"] = "CUDA error: no kernel image is available for execution on the device"
    assert [(one.name, one.available) for one in devices.list_devices()[:3]] == [
        *(("cpu", True), ("cuda:0", False), ("cuda:1", True))
    ]
    assert devices.list_devices()[1].detail == two_gpus["cuda:0"]
    assert devices.choose("auto", step_size=7291).device == "cuda:1"
    with pytest.raises(DeviceError, match="cuda is not available: .*no kernel.*: cpu, cuda:1"):
        devices.choose("cuda", step_size=1)
    two_gpus["cuda:1"] = "CUDA error: out of memory"
    chosen = devices.choose("auto", step_size=7291)
    assert chosen.device == "cpu"
    for text in (chosen.reason, caplog.text):
        assert "cuda:1 cannot be used: CUDA error: out of memory" in text


def test_index_out_of_range_says_how_many_there_are(two_gpus: dict[str, str]) -> None:
    assert devices.choose("cuda", step_size=7291).device == "cuda:0"
    assert devices.choose("cuda:1", step_size=1).device == "cuda:1"
    with pytest.raises(DeviceError, match=r"index 2 is out of range, there are 2; .*cuda:1"):
        devices.choose("cuda:2", step_size=7291)


def test_a_driver_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("Found no NVIDIA driver on your system. Please check\nthat you have")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", fail)
    with pytest.raises(DeviceError, match="Found no NVIDIA driver on your system; available: cpu"):
        devices.choose("cuda", step_size=7291)
    assert "NVIDIA driver" in devices.list_devices()[1].detail


def test_auto_chooses_by_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_probe", lambda device: None)
    monkeypatch.setattr(devices, "_cuda_absent", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    one = devices.choose("auto", step_size=1)
    assert (one.device, one.reason) == ("cpu", "one example at a time is fastest on the CPU")
    few = devices.choose("auto", step_size=64)
    assert (few.device, few.reason) == ("cpu", "small batches are fastest on the CPU")
    assert devices.choose("auto", step_size=7291).device == "cuda:0"
    monkeypatch.setattr(devices, "_cuda_absent", lambda: "gone")
    monkeypatch.setattr(devices, "_mps_absent", lambda: None)
    assert devices.choose("auto", step_size=7291).device == "mps"
    monkeypatch.setattr(devices, "_mps_absent", lambda: "gone")
    assert devices.choose("auto", step_size=7291).device == "cpu"


def test_mps_with_a_silent_fallback_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    with pytest.raises(DeviceError, match="unset it"):
        devices.set_up("mps", 1)


@pytest.mark.parametrize("name", ["base", "modern"])
def test_agreement_of_a_device_with_the_cpu(name: str, splits: dict[str, Digits]) -> None:
    network = Network(VARIANTS[name], torch.Generator().manual_seed(1))
    agreement.check_agreement(network, VARIANTS[name], splits["test"], torch.device("cpu"))


def test_a_device_that_computes_something_else_is_refused(
    splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(VARIANTS["base"], torch.Generator().manual_seed(1))
    honest = agreement.outputs_and_gradients

    def faulty(
        network: Network, loss: str, digits: Digits, rows: slice, device: torch.device
    ) -> dict[str, torch.Tensor]:
        if device.type == "cpu":
            return honest(network, loss, digits, rows, device)
        broken = copy.deepcopy(network)
        with torch.no_grad():
            broken.H3w[0] *= 1.5  # as if a kernel read the wrong stride
        return honest(broken, loss, digits, rows, torch.device("cpu"))

    monkeypatch.setattr(agreement, "outputs_and_gradients", faulty)
    with pytest.raises(DeviceError, match="disagrees with the CPU.*--device cpu"):
        agreement.check_agreement(network, VARIANTS["base"], splits["test"], torch.device("meta"))


def test_digits_at_the_kink_of_a_relu_are_followed_by_others() -> None:
    right, wrong = ({"the output": torch.tensor([value])} for value in (1.0, 2.0))
    asked = []

    def ours(rows: slice) -> agreement.Found:
        asked.append(rows)
        return wrong if rows.start == 0 else right

    agreement.check_close(ours, lambda rows: right, torch.device("meta"))
    assert asked == [slice(0, 64), slice(64, 128)]
    with pytest.raises(DeviceError, match="the output differs by 1.0e"):
        agreement.check_close(lambda rows: wrong, lambda rows: right, torch.device("meta"))


@pytest.mark.parametrize(
    "device",
    [pytest.param(GPU, marks=pytest.mark.gpu), pytest.param("mps", marks=pytest.mark.mps)],
)
@pytest.mark.parametrize("name", [*VARIANTS, "base+table=cyclic"])
def test_a_device_computes_what_the_cpu_computes(
    device: str, name: str, splits: dict[str, Digits]
) -> None:
    devices.set_up(device, 1)
    variant = get_variant(name)
    network = make_network(variant, torch.Generator().manual_seed(1))
    agreement.check_agreement(network, variant, splits["test"], torch.device(device))
    devices.synchronize(device)


@pytest.mark.parametrize("device", ["cpu", pytest.param(GPU, marks=pytest.mark.gpu)])
def test_draws_go_on_from_a_state_or_nothing_changes(device: str) -> None:
    with devices.random_restored(device):
        states = devices.random_states(device)
        drawn = [torch.rand(3, device=of).cpu() for of in ("cpu", device)]
        for kind in states:
            for bad in (states[kind][:-3], torch.zeros(3), None):
                with pytest.raises(ValueError, match="no random state"):
                    devices.set_random_states(device, states | {kind: bad})
        with pytest.raises(ValueError, match="no random state"):
            devices.set_random_states(device, {})
        assert not torch.equal(torch.rand(3), drawn[0])
        devices.set_random_states(device, states | {"another": None})
        again = [torch.rand(3, device=of).cpu() for of in ("cpu", device)]
        assert all(map(torch.equal, drawn, again))
    assert all(map(torch.equal, devices.random_states(device).values(), states.values()))
