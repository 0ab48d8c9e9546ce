"""MNIST itself, from the package, from a directory, or from torchvision's mirrors.

Wherever the four files come from, their SHA-256 must be the ones below.
"""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.data import idx
from lecun89.data.download import downloaded
from lecun89.data.finding import other_form, unpacked_name
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
            of a directory that holds the four IDX files, packed or not, as `find_files` finds them.

    Raises:
        DataUnavailableError: the files are not there, could not be downloaded, or are others.
    """
    if source == "bundled":
        return _read_directory(BUNDLED, "reinstall lecun89")
    if source == "download":
        return _download()
    return _read_directory(
        Path(source),
        "give the directory of the four IDX files (train-images-idx3-ubyte and so on, packed or "
        "not), or --source bundled",
    )


def find_files(directory: Path) -> dict[str, Path]:
    """Which files are MNIST's, by their names in `SHA256`.

    Case does not matter, nor a dot for a hyphen as Kaggle has it, nor the ending of a packed file.
    They may be in torchvision's folders ``MNIST/raw``, or each in a folder of its own name. Of
    several that fit, the one with the exact name is taken.
    """
    found: dict[str, Path] = {}
    for folder in _folders(directory, depth=2):
        paths = (path for path in folder.iterdir() if path.is_file())
        for path in sorted(paths, key=lambda path: (path.name.split(".")[0] not in SHA256, path)):
            found.setdefault(_meant(path), path)
    return {name: found[name] for name in SHA256 if name in found}


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


def _meant(path: Path) -> str:
    return re.sub("[._]", "-", unpacked_name(path))


def _folders(directory: Path, depth: int) -> Iterator[Path]:
    yield directory
    for path in sorted(directory.iterdir()) if depth else ():
        if path.is_dir() and (path.name.lower() in ("mnist", "raw") or _meant(path) in SHA256):
            yield from _folders(path, depth - 1)


def _read_directory(directory: Path, advice: str) -> Mnist:
    try:
        paths = find_files(directory)
        for name in SHA256:
            if name not in paths:
                instead = "" if paths else other_form(directory)
                raise DataUnavailableError(f"no {name} in {directory}{instead}: {advice}")
        # Unpacking releases the interpreter lock, so the four files take as long as the largest.
        with ThreadPoolExecutor(len(paths)) as pool:
            arrays = list(pool.map(_read_verified, paths.values(), paths))
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
        return _read_directory(directory, advice)
