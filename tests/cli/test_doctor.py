import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.conftest import Result


def test_json_tells_machine_devices_engines_and_data(
    cli: Callable[..., Result], data_dir: Path
) -> None:
    document = cli("doctor", "--json").document
    assert document["schema_version"] == 1
    assert document["machine"]["torch"] == torch.__version__
    devices = {device["name"].split(":")[0]: device for device in document["devices"]}
    assert devices.keys() == {"cpu", "cuda", "mps"}
    assert devices["cpu"]["available"] is True
    assert all(device["detail"] for device in devices.values())
    engines = {engine["name"]: engine for engine in document["engines"]}
    assert list(engines) == ["native", "eager", "graph"]
    assert engines["eager"]["available"] is True
    assert document["data"] == {
        "directory": str(data_dir),
        "sets": {"1989": "ready"}
        | dict.fromkeys(("full", "usps", "usps-tune", "1989-tune", "full-tune"), "absent"),
    }


def test_the_instruction_set_is_told(cli: Callable[..., Result]) -> None:
    kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    assert f"instruction set {kernel.instruction_sets()[0]}" in cli("doctor").stdout


def test_the_table_fits_100_columns(cli: Callable[..., Result]) -> None:
    result = cli("doctor")
    assert result.exit_code == 0
    assert "eager" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_quiet_tells_only_what_does_not_work(cli: Callable[..., Result]) -> None:
    result = cli("doctor", "-q")
    assert "eager" not in result.stdout
    assert "mps" in result.stdout


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_broken_torchvision_is_told_with_what_needs_it(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(name: str) -> ModuleType:
        raise error("operator torchvision::nms does not exist")

    monkeypatch.setattr("lecun89.cli.doctor.importlib.import_module", fail)
    packages = cli("doctor", "--json").document["packages"]
    assert packages["torchvision"] == (
        "broken: operator torchvision::nms does not exist "
        "(only `prepare --source download` needs it)"
    )
    assert {"skimage", "tensorboard"} <= set(packages)
    assert "torch" in sys.modules
