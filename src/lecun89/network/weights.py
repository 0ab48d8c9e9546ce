"""Weights files: ours (safetensors with a header), and the state dicts of the upstream scripts."""

import io
import pickle
import pickletools
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.structures import structure_of
from lecun89.storage import tensorfile
from lecun89.storage.files import read_limited
from lecun89.storage.tensorfile import Arrays, check_arrays
from lecun89.variants import get_variant

_KIND = "weights"
_MAX_BYTES = 1 << 20  # the network's weights take 39 kB
_MAX_PICKLE = 4 << 10  # which says where they are, in 1 kB; torch takes seconds for hostile ones
_MAX_ENTRIES = 1000  # a file for each tensor, and a few
_PICKLES = 5  # at the beginning of a file of before PyTorch 1.6


@dataclass(frozen=True)
class Weights:
    """Weights and what is known of them.

    Attributes:
        arrays: float32, by the paper's names, in the shapes of the variant's structure.
        variant: the variant whose network they belong to.
        data: the data set they were trained on; None where the file does not say.
        data_sha256: digest of its training split; None where the file does not say.
        settings: of the training, as `lecun89.settings.Settings.as_document` gives them; None
            where the file does not say.
    """

    arrays: Arrays
    variant: str
    data: str | None = None
    data_sha256: str | None = None
    settings: dict[str, Any] | None = None


def save_weights(path: Path, weights: Weights, **header: Any) -> None:
    """Write a weights file, whole or not at all; `header` adds to what it says of itself."""
    known = {
        "variant": weights.variant,
        "data": weights.data,
        "data_sha256": weights.data_sha256,
        "settings": weights.settings,
    }
    tensorfile.write(path, _KIND, weights.arrays, known | header)


def load_weights(
    path: Path, variant: str | None = None, *, otherwise: str | None = None
) -> Weights:
    """Read a weights file of this package, or ``model.pt`` of the upstream scripts.

    Args:
        path: the file. Nothing in it is executed.
        variant: the network that the weights belong to; an upstream file does not say.
        otherwise: that of a file which does not say, where `variant` is None.

    Raises:
        FileFormatError: the file is missing, damaged, too large, or holds something else.
        UsageError: `variant` is needed, unknown, or not what the file says.
    """
    content = read_limited(path, _MAX_BYTES)
    if content[:2] == b"PK" or content[:1] == b"\x80" or path.suffix in (".pt", ".pth"):
        variant = variant or otherwise
        upstream = _checked(
            path, _unpickle(path, content, _shapes(variant or "base")), variant or "base"
        )
        if variant is None:
            raise UsageError(
                f"{path} does not say which network it belongs to: give --variant, as in "
                "--variant base (repro.py) or --variant modern (modern.py)"
            )
        return Weights(upstream, get_variant(variant).name)
    arrays, header = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
    found, data, sha256 = (header.get(key) for key in ("variant", "data", "data_sha256"))
    if not isinstance(found, str) or not all(isinstance(x, str | None) for x in (data, sha256)):
        raise FileFormatError(f"{path} does not say which network it belongs to")
    try:
        name = get_variant(found).name  # the file may have an old key in its name
    except UsageError as error:
        raise FileFormatError(f"{path} is of another version of lecun89: {error}") from error
    if variant is not None and get_variant(variant).name != name:
        raise UsageError(f"--variant {variant} conflicts with {path}, which is of {found}")
    return Weights(_checked(path, arrays, found), found, data, sha256, header.get("settings"))


def _unpickle(path: Path, content: bytes, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if content[:2] == b"PK":
                content = _repacked(path, content)
            else:
                _check_pickles(content)
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileFormatError:
        raise
    except pickle.UnpicklingError as error:
        raise FileFormatError(
            f"{path} holds more than tensors, so it was not loaded: nothing in it was executed"
        ) from error
    except Exception as error:  # torch's readers raise nearly every type on damaged files
        raise FileFormatError(f"{path} is not a file that torch.save wrote, or damaged") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in loaded.items()
    ):
        raise FileFormatError(f"{path} is not a state dict of named tensors")
    arrays = {}
    for name, value in loaded.items():
        shape = shapes.get(name)
        try:
            # Not every tensor can become an array: it may be sparse, nested, or without data.
            if value.dtype != torch.float32 or (shape and tuple(value.shape) != shape):
                raise TypeError("another type or shape")
            arrays[name] = value.detach().numpy()
        except (TypeError, RuntimeError) as error:
            raise FileFormatError(
                f"{path}: {name} is {_describe(value)}, not float32 {shape or ''}"
            ) from error
    return arrays


def _repacked(path: Path, content: bytes) -> bytes:
    """The same archive, not packed: another reader may find more in it than this one did."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(made, "w") as plain:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > _MAX_BYTES:
            raise FileFormatError(f"{path} unpacks to more than {_MAX_BYTES:,} bytes")
        for entry in entries:
            long = entry.filename.endswith(".pkl") and entry.file_size > _MAX_PICKLE
            if long or entry.compress_type != zipfile.ZIP_STORED or len(entries) > _MAX_ENTRIES:
                raise ValueError("it is not like an archive of torch.save")
            plain.writestr(entry.filename, archive.read(entry))
    return made.getvalue()


def _check_pickles(content: bytes) -> None:
    """Refuse long pickles in a file that is no archive; tensors lie behind them."""
    stream = io.BytesIO(content)
    for _ in range(_PICKLES):
        if any((place or 0) > _MAX_PICKLE for _, _, place in pickletools.genops(stream)):
            break
    if stream.tell() > _MAX_PICKLE:
        raise ValueError("its pickles are too long")


def _describe(value: Any) -> str:
    try:
        return f"{value.dtype} {tuple(value.shape)} {value.layout}"
    except RuntimeError:  # nested tensors have no shape
        return f"{value.dtype} without a shape"


def _shapes(variant: str) -> dict[str, tuple[int, ...]]:
    return structure_of(get_variant(variant)).shapes


def _checked(path: Path, arrays: Arrays, variant: str) -> Arrays:
    expected = {name: np.zeros(shape, np.float32) for name, shape in _shapes(variant).items()}
    try:
        check_arrays(arrays, expected)
    except FileFormatError as error:
        of = get_variant(variant).structure
        raise FileFormatError(f"{path} does not hold the {of} network: {error}") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise FileFormatError(f"{path}: {name} is not finite")
    return arrays
