"""Weights files: ours (safetensors with a header), and the state dicts that others save."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.statedicts import NoNetworkError, find_network
from lecun89.network.structures import structure_of
from lecun89.storage import tensorfile
from lecun89.storage.checkpoints import read_tensors
from lecun89.storage.files import read_limited
from lecun89.storage.recognise import what_it_is
from lecun89.storage.tensorfile import Arrays, check_arrays
from lecun89.variants import get_variant

_KIND = "weights"
_MAX_BYTES = 1 << 20  # the network's weights take 39 kB, with an optimizer in float64 320 kB
_log = logging.getLogger(__name__)


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
    """Read a weights file of this package, or a state dict that others saved.

    Args:
        path: the file: torch.save's, safetensors or .npz, whatever its name ends in. Nothing in
            it is executed.
        variant: the network that the weights belong to; a file of others does not say.
        otherwise: that of a file which does not say, where `variant` is None.

    Raises:
        FileFormatError: the file is missing, damaged, too large, or holds something else.
        UsageError: `variant` is needed, unknown, or not what the file says.
    """
    content = read_limited(path, _MAX_BYTES)
    if what_it_is(content) == "safetensors" and not tensorfile.is_foreign(content):
        return load_own(path, variant)
    variant = variant or otherwise
    shapes = _shapes(variant or "base")
    try:
        arrays, types = find_network(read_tensors(path, content), shapes)
    except NoNetworkError as error:
        raise _not_the_network(path, variant or "base", error) from error
    if variant is None:
        raise UsageError(
            f"{path} does not say which network it belongs to: give --variant, as in "
            "--variant base (repro.py) or --variant modern (modern.py)"
        )
    if types != {"float32"}:
        _log.warning("%s holds %s, converted to float32", path, " and ".join(sorted(types)))
    return Weights(arrays, get_variant(variant).name)


def load_own(path: Path, variant: str | None = None) -> Weights:
    """As `load_weights`, of files of this package only."""
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


def _shapes(variant: str) -> dict[str, tuple[int, ...]]:
    return structure_of(get_variant(variant)).shapes


def _checked(path: Path, arrays: Arrays, variant: str) -> Arrays:
    expected = {name: np.zeros(shape, np.float32) for name, shape in _shapes(variant).items()}
    try:
        check_arrays(arrays, expected)
    except FileFormatError as error:
        raise _not_the_network(path, variant, error) from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise FileFormatError(f"{path}: {name} is not finite")
    return arrays


def _not_the_network(path: Path, variant: str, error: Exception) -> FileFormatError:
    structure = get_variant(variant).structure
    return FileFormatError(f"{path} does not hold the {structure} network: {error}")
