"""A network for other programs: safetensors, a torch state dict, or ONNX."""

import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from lecun89.exceptions import missing_extra
from lecun89.network.modules import network_of
from lecun89.network.weights import Weights, save_weights
from lecun89.storage.files import writing


def export(weights: Weights, path: Path, format_name: str) -> None:
    """Write a network to a file, whole or not at all, or into a pipe or a device.

    Args:
        weights: the network.
        path: where to.
        format_name: ``safetensors`` (what this package reads), ``torch`` (a state dict as the
            upstream scripts save it) or ``onnx`` (input ``images`` (n, 1, 16, 16) in [-1, 1],
            output ``outputs`` (n, 10), any n).

    Raises:
        MissingExtraError: ONNX's packages are not installed or broken.
    """
    _, write = FORMATS[format_name]
    with writing(path) as temporary:
        write(weights, temporary)


def _write_safetensors(weights: Weights, path: Path) -> None:
    save_weights(path, weights)


def _write_torch(weights: Weights, path: Path) -> None:
    torch.save(network_of(weights).state_dict(), path)


def _write_onnx(weights: Weights, path: Path) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except Exception as error:
        raise missing_extra("writing ONNX", "onnx", error) from error
    # What torch's exporter says of itself and of torchvision is nothing to our users.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network_of(weights).eval(),
            (torch.zeros(2, 1, 16, 16),),
            input_names=["images"],
            output_names=["outputs"],
            dynamic_shapes={"x": {0: torch.export.Dim("n", max=2**31)}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    content = io.BytesIO()
    onnx.save(program.model_proto, content)
    path.write_bytes(content.getvalue())


FORMATS: dict[str, tuple[str, Callable[[Weights, Path], None]]] = {
    "safetensors": (".safetensors", _write_safetensors),
    "torch": (".pt", _write_torch),
    "onnx": (".onnx", _write_onnx),
}
"""Formats by name: the ending of their files, and what writes them."""


_TORCH = (".pth", ".bin", ".ckpt")  # besides .pt


def format_of(path: Path) -> str:
    """The format that the ending of a file asks for; safetensors where it says nothing."""
    endings = {ending: name for name, (ending, _) in FORMATS.items()}
    return (endings | dict.fromkeys(_TORCH, "torch")).get(path.suffix.lower(), "safetensors")
