"""What teachers say, kept beside the digits: a file for each student's distortions."""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.data.digits import SoftLabels
from lecun89.data.sets import get_data
from lecun89.exceptions import DataUnavailableError, FileFormatError
from lecun89.network.architecture import CLASSES
from lecun89.storage import tensorfile
from lecun89.storage.outputdir import refuse_links
from lecun89.variants import Variant

_KIND = "teacher's labels"
_MAX_BYTES = 96 << 20  # 60 variations of full take 60 MB


def labels_directory(name: str, directory: Path) -> Path:
    """Where teachers of a data set and their labels are kept.

    Data to tune on that has the training split of its data set shares them.
    """
    of = get_data(name).base
    return directory / (of if _train_sha256(of) == _train_sha256(name) else name)


def labels_path(name: str, distortions: dict[str, float], directory: Path) -> Path:
    """The file of the labels for digits so distorted."""
    digest = hashlib.sha256(json.dumps(distortions, sort_keys=True).encode()).hexdigest()
    return labels_directory(name, directory) / f"labels-{digest[:8]}.safetensors"


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
        DataUnavailableError: a symbolic link, or a file that is not ours, is in the way.
        OSError: they cannot be written.
    """
    path = labels_path(name, labels.distortions, directory)
    refuse_links(path.parent, directory, DataUnavailableError)
    tensorfile.refuse_foreign(path, _KIND)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {
        "digits": _train_sha256(name),
        "seed": labels.seed,
        "distortions": labels.distortions,
    }
    tensorfile.write(path, _KIND, {"logits": labels.logits}, header)
    return path


def read_labels(name: str, student: Variant, directory: Path) -> SoftLabels:
    """The labels of a data set as a variant distorts it.

    Args:
        name: of the data set.
        student: the variant as it is trained on that data.
        directory: the data directory.

    Raises:
        DataUnavailableError: there are none, or they are damaged; the message says how to make
            them.
    """
    path = labels_path(name, student.distortions, directory)
    advice = f"make them with `lecun89 teach --variant {student.name} --data {name}`"
    if not path.exists():
        raise DataUnavailableError(
            f"no teacher's labels for {student.name} on {name} in {directory}: {advice}"
        )
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
        or not 0 <= header["seed"] < 2**32
        or header.get("digits") != _train_sha256(name)
        or header.get("distortions") != student.distortions
    ):
        raise DataUnavailableError(f"{path} holds no labels for {student.name} on {name}: {advice}")
    return make_labels(header["seed"], student.distortions, logits)


def _train_sha256(name: str) -> str:
    return get_data(name).sha256["train"]
