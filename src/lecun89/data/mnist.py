"""MNIST itself, from the package, from a directory, or from torchvision's mirrors.

Wherever the four files come from, their SHA-256 must be the ones below.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.data import idx
from lecun89.data.download import downloaded
from lecun89.exceptions import DataFormatError, DataUnavailableError

BUNDLED = Path(__file__).parent / "mnist"

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the four unpacked IDX files."""


@dataclass(frozen=True)
class Mnist:
    """All of MNIST: images (n, 28, 28) and labels (n,), as bytes."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]


def read_mnist(source: str = "bundled") -> Mnist:
    """MNIST from `source`, its bytes verified.

    Args:
        source: ``bundled`` (in this package), ``download`` (torchvision's mirrors), or the path
            of a directory that holds the four IDX files, gzipped or not.

    Raises:
        DataUnavailableError: the files are not there, could not be downloaded, or are others.
    """
    if source == "bundled":
        return _read_directory(BUNDLED, (".xz",), "reinstall lecun89")
    if source == "download":
        return _download()
    return _read_directory(
        Path(source), ("", ".gz"), "give the directory of the four IDX files, or --source bundled"
    )


def read_images(name: str) -> npt.NDArray[np.uint8]:
    """One file's images (n, 28, 28) from this package, its bytes verified.

    Args:
        name: of the IDX file, as in `SHA256`.

    Raises:
        DataUnavailableError: the file is missing or damaged: lecun89 must be installed again.
    """
    try:
        return _read_verified(BUNDLED / f"{name}.xz", name)
    except OSError as error:
        raise DataUnavailableError(f"cannot read {error.filename}: {error.strerror}") from error


def _read_directory(directory: Path, suffixes: tuple[str, ...], advice: str) -> Mnist:
    paths = []
    for name in SHA256:
        found = [path for path in (directory / (name + s) for s in suffixes) if path.is_file()]
        if not found:
            raise DataUnavailableError(f"no {name} in {directory}: {advice}")
        paths.append(found[0])
    try:
        # Unpacking releases the interpreter lock, so the four files take as long as the largest.
        with ThreadPoolExecutor(len(paths)) as pool:
            arrays = list(pool.map(_read_verified, paths, SHA256))
    except OSError as error:
        raise DataUnavailableError(f"cannot read {error.filename}: {error.strerror}") from error
    except DataFormatError as error:
        raise DataFormatError(f"{error}; {advice}") from error
    return Mnist(*arrays)


def _read_verified(path: Path, name: str) -> npt.NDArray[np.uint8]:
    array = idx.read_images(path) if "images" in name else idx.read_labels(path)
    digest = hashlib.sha256(idx.header(array))
    digest.update(array.data)
    if digest.hexdigest() != SHA256[name]:
        raise DataFormatError(
            f"{path} is not MNIST's {name}: its SHA-256 is {digest.hexdigest()[:12]}..., "
            f"not {SHA256[name][:12]}..."
        )
    return array


def _download() -> Mnist:
    advice = "use the bundled copy (--source bundled) or a directory (--source PATH)"
    with downloaded("MNIST", advice) as directory:
        return _read_directory(directory / "MNIST" / "raw", ("", ".gz"), advice)
