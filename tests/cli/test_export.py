import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lecun89.analysis.evaluation import outputs
from lecun89.data import Digits
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.modules import network_of
from lecun89.network.weights import load_weights
from tests.conftest import Result


def test_onnx_reads_every_test_digit_as_the_network_does(
    base_run: tuple[Path, Result], cli: Callable[..., Result], splits: dict[str, Digits]
) -> None:
    import onnxruntime

    result = cli("export", base_run[0], "--format", "onnx", "--json")
    assert result.document["files"] == ["base.onnx"]
    session = onnxruntime.InferenceSession("base.onnx")
    images = splits["test"].images[:, None]
    found = session.run(None, {"images": images})[0]
    network = network_of(load_weights(base_run[0] / "weights.safetensors"))
    expected = outputs(network, torch.from_numpy(images))
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)
    assert session.run(None, {"images": images[:1]})[0].shape == (1, 10)


@pytest.mark.parametrize("format_name", ["safetensors", "torch"])
def test_what_is_exported_is_read_again(
    base_run: tuple[Path, Result], cli: Callable[..., Result], format_name: str
) -> None:
    path = Path(cli("export", base_run[0], "--format", format_name).stdout.strip())
    expected = load_weights(base_run[0] / "weights.safetensors")
    found = load_weights(path, "base")
    assert all(np.array_equal(found.arrays[name], array) for name, array in expected.arrays.items())
    if format_name == "torch":
        assert list(torch.load(path, weights_only=True)) == list(PARAMETER_SHAPES)
    else:
        assert found.data == "1989"


def test_a_file_that_is_there_is_kept(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    Path("base.safetensors").write_text("precious")
    result = cli("export", base_run[0])
    assert result.exit_code == 2
    assert "use --force" in result.error
    assert Path("base.safetensors").read_text() == "precious"
    assert cli("export", base_run[0], "--force").exit_code == 0
    assert "is a directory" in cli("export", base_run[0], "--out", ".").error


def test_without_onnx_the_extra_is_named(
    base_run: tuple[Path, Result], cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = cli("export", base_run[0], "--format", "onnx")
    assert result.exit_code == 1
    assert 'pip install "lecun89[onnx]"' in result.error
    assert not Path("base.onnx").exists()
