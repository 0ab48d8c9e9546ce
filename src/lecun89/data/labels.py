"""What teachers say, kept beside the digits: ``<data directory>/<data>/teacher.safetensors``."""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89 import tensorfile
from lecun89.architecture import CLASSES
from lecun89.data.digits import SoftLabels
from lecun89.data.sets import get_data
from lecun89.exceptions import DataUnavailableError, FileFormatError

_KIND = "teacher's labels"
_MAX_BYTES = 512 << 20


def labels_path(name: str, directory: Path) -> Path:
    """Where the labels for the training split of a data set are kept.

    Data to tune on that has the training split of its data set shares its labels.
    """
    of = name.removesuffix("-tune")
    if get_data(of).sha256["train"] != get_data(name).sha256["train"]:
        of = name
    return directory / of / "teacher.safetensors"


def make_labels(
    seed: int, distortions: dict[str, float], logits: npt.NDArray[np.float16]
) -> SoftLabels:
    """Labels with their digest; arguments as in `SoftLabels`."""
    digest = hashlib.sha256(json.dumps([seed, distortions], sort_keys=True).encode())
    digest.update(np.ascontiguousarray(logits, "<f2").data)
    return SoftLabels(seed, distortions, logits, digest.hexdigest())


def write_labels(labels: SoftLabels, name: str, directory: Path) -> Path:
    """Keep labels of a data set, whole or not at all.

    Raises:
        OSError: they cannot be written.
    """
    path = labels_path(name, directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"data": name, "seed": labels.seed, "distortions": labels.distortions}
    tensorfile.write(path, _KIND, {"logits": labels.logits}, header)
    return path


def read_labels(name: str, distortions: dict[str, float], directory: Path) -> SoftLabels:
    """The labels of a data set for distortions of these strengths.

    Raises:
        DataUnavailableError: there are none, or they are damaged or of other distortions; the
            message says how to make them.
    """
    path = labels_path(name, directory)
    advice = f"make them with `lecun89 teach --data {name}`"
    if not path.exists():
        raise DataUnavailableError(f"no teacher's labels for {name} in {directory}: {advice}")
    try:
        arrays, header = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
    except FileFormatError as error:
        raise DataUnavailableError(f"{error}; {advice}") from error
    logits = arrays.get("logits")
    if (
        logits is None
        or logits.dtype != np.float16
        or logits.shape[1:] != (get_data(name).train, CLASSES)
        or not len(logits)
        or not np.isfinite(logits).all()
        or type(header.get("seed")) is not int
    ):
        raise DataUnavailableError(f"{path} holds no labels of {name}: {advice}")
    if header.get("distortions") != distortions:
        raise DataUnavailableError(f"{path} is of other distortions: {advice}")
    return make_labels(header["seed"], distortions, logits)
