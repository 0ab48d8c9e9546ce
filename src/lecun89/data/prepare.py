"""Prepare the digits by the data rule, keep them on disk, and load them verified.

Each split is one file, ``<data directory>/<data>/<split>.safetensors``, whole or absent, with
its manifest as header. Its digest must be the one in this module: a file that is damaged or of
another rule is prepared again.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from lecun89 import tensorfile
from lecun89.architecture import IMAGE_SIZE
from lecun89.data.digits import Digits, digits_sha256
from lecun89.data.mnist import Mnist, check_source, read_mnist
from lecun89.data.reduction import reduce_images
from lecun89.exceptions import (
    CheckFailedError,
    DataUnavailableError,
    FileFormatError,
    unknown_name,
)
from lecun89.version import __version__

SPLITS = ("train", "validation", "test")
SEED = 1337
VALIDATION = 10_000
RULE = (
    f"numpy RandomState({SEED}): test = permutation(10000)[:n_test], then "
    "train = permutation(60000)[:n_train] and validation = its last 10000; "
    "bytes / 127.5 - 1, bilinear to 16x16, float32"
)

DAMAGED = "incomplete or damaged"

_KIND = "digits"
_MAX_BYTES = 64 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataSet:
    """A data set of the rule.

    Attributes:
        name: its name.
        train: digits in its training split.
        test: digits in its test split.
        sha256: digest of each split, as in `Digits.sha256`.
    """

    name: str
    train: int
    test: int
    sha256: dict[str, str]

    @property
    def totals(self) -> dict[str, int]:
        """Number of digits, by split."""
        return {"train": self.train, "validation": VALIDATION, "test": self.test}


_VALIDATION_SHA256 = "bb93f33f10064afbb32705eaec4b83ad477e0c264b980f146c51da0247ec4c91"

DATA: dict[str, DataSet] = {
    "1989": DataSet(
        "1989",
        7_291,
        2_007,
        {
            "train": "eb838b30c04de0fa31a68107c0b6ea626dd7367bcbd70fb9caecd16c38db3ca4",
            "validation": _VALIDATION_SHA256,
            "test": "e6eadc33b5719e06c62716c5bf93d4e66d0afd278d3162342c3676cf02e68726",
        },
    ),
    "full": DataSet(
        "full",
        50_000,
        10_000,
        {
            "train": "15b87cbc3da92f6b6f83fabb85b618c64e8d833d94d7d6f9d46b9e7e39bdf2d8",
            "validation": _VALIDATION_SHA256,
            "test": "885b1e9fe6fa895e392d9196579d8853bf6f2964eb8a27fcebab5fbff4ea452b",
        },
    ),
}
"""The data sets by name: counts and digests."""


@dataclass(frozen=True)
class Prepared:
    """Data on disk.

    Attributes:
        data: name of the data set.
        path: directory of its files.
        made: the splits that were missing or damaged and are made now.
        totals: number of digits, by split.
        sha256: digest of `Digits.sha256`, by split.
    """

    data: str
    path: Path
    made: tuple[str, ...]
    totals: dict[str, int]
    sha256: dict[str, str]


def default_data_dir() -> Path:
    """The platform's cache directory for this package."""
    return platformdirs.user_cache_path("lecun89")


def get_data(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in DATA:
        raise unknown_name("data", name, DATA)
    return DATA[name]


def prepare(name: str, directory: Path, source: str = "bundled") -> Prepared:
    """Make what is missing or damaged of a data set's files; leave the rest as it is.

    Args:
        name: ``1989`` or ``full``.
        directory: the data directory.
        source: of MNIST, as `lecun89.data.mnist.read_mnist` takes it.

    Raises:
        UsageError: there is no such data set.
        DataUnavailableError: MNIST could not be had, or the directory cannot be written.
    """
    data = get_data(name)
    check_source(source)
    missing = [split for split in SPLITS if _read_or_none(data, split, directory) is None]
    if missing:
        made = make_digits(data, read_mnist(source), missing)
        _write(made, directory / name, source)
    return _prepared(data, directory, tuple(missing))


def load(name: str, split: str, directory: Path) -> Digits:
    """One split of a data set, prepared first where it is missing.

    Raises:
        UsageError: there is no such data set or split.
        DataUnavailableError: the directory cannot be written.
    """
    data = get_data(name)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    digits = _read_or_none(data, split, directory)
    if digits is None:
        prepare(name, directory)
        digits = _read(data, split, directory)
    return digits


def verify(name: str, directory: Path, source: str = "bundled") -> Prepared:
    """Make every split again from `source` and compare it with the one on disk.

    Raises:
        CheckFailedError: a split on disk is missing, damaged, or differs.
        DataUnavailableError: MNIST could not be had.
    """
    data = get_data(name)
    problems = []
    for made in make_digits(data, read_mnist(source), list(SPLITS)):
        path = _path(data, made.split, directory)
        try:
            arrays, _ = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
        except FileFormatError:
            problems.append(f"{made.split} {'is damaged' if path.exists() else 'is missing'}")
            continue
        expected = _arrays(made)
        if arrays.keys() != expected.keys() or not all(
            np.array_equal(arrays[key], expected[key]) for key in expected
        ):
            problems.append(f"{made.split} differs")
    if problems:
        raise CheckFailedError(
            f"{directory / name}: {', '.join(problems)}; `lecun89 prepare --data {name}` repairs it"
        )
    return _prepared(data, directory, ())


def prepared_state(name: str, directory: Path) -> str:
    """What is on disk of a data set: ``ready``, ``absent`` or `DAMAGED`."""
    data = get_data(name)
    found = [_path(data, split, directory).exists() for split in SPLITS]
    if not any(found):
        return "absent"
    for split in SPLITS:
        try:
            _read(data, split, directory)
        except FileFormatError:
            return DAMAGED
    return "ready"


def make_digits(data: DataSet, mnist: Mnist, splits: list[str]) -> list[Digits]:
    """Splits of a data set from MNIST by the data rule (`RULE`).

    Raises:
        DataUnavailableError: the result is not the known one, so that something here computes
            wrongly.
    """
    # The legacy generator, because the seeds' scripts drew from it: test first, then train.
    random = np.random.RandomState(SEED)
    test = random.permutation(10_000)
    train = random.permutation(60_000)
    made = []
    for split in splits:
        index = {
            "train": train[: data.train],
            "validation": train[-VALIDATION:],
            "test": test[: data.test],
        }[split]
        images = mnist.test_images if split == "test" else mnist.train_images
        labels = (mnist.test_labels if split == "test" else mnist.train_labels)[index]
        reduced = reduce_images(images[index])
        digest = digits_sha256(reduced, labels)
        if digest != data.sha256[split]:
            raise DataUnavailableError(
                f"{data.name}/{split} came out with SHA-256 {digest[:12]}..., not "
                f"{data.sha256[split][:12]}...: numpy {np.__version__} computes otherwise here"
            )
        made.append(Digits(data.name, split, reduced, labels, index.astype(np.int32), digest))
    return made


def _prepared(data: DataSet, directory: Path, made: tuple[str, ...]) -> Prepared:
    return Prepared(data.name, directory / data.name, made, data.totals, dict(data.sha256))


def _path(data: DataSet, split: str, directory: Path) -> Path:
    return directory / data.name / f"{split}.safetensors"


def _arrays(digits: Digits) -> dict[str, npt.NDArray[Any]]:
    return {
        "images": digits.images,
        "labels": digits.labels,
        "source_index": digits.source_index,
    }


def _write(made: list[Digits], directory: Path, source: str) -> None:
    versions = {"lecun89": __version__, "numpy": np.__version__}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for digits in made:
            manifest = {
                "data": digits.data,
                "split": digits.split,
                "total": len(digits),
                "sha256": digits.sha256,
                "rule": RULE,
                "source": source if source in ("bundled", "download") else "path",
                "versions": versions,
            }
            path = directory / f"{digits.split}.safetensors"
            tensorfile.write(path, _KIND, _arrays(digits), manifest)
    except OSError as error:
        raise DataUnavailableError(
            f"cannot write the digits to {directory}: {error.strerror}; "
            "choose another directory with --data-dir"
        ) from error
    _log.info("prepared %s in %s", made[0].data, directory)


def _read(data: DataSet, split: str, directory: Path) -> Digits:
    path = _path(data, split, directory)
    arrays, _ = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
    total = data.totals[split]
    shapes = {"images": (total, IMAGE_SIZE, IMAGE_SIZE), "labels": (total,)}
    if {name: array.shape for name, array in arrays.items()} != shapes | {"source_index": (total,)}:
        raise FileFormatError(f"{path} holds no digits of {data.name}/{split}")
    if digits_sha256(arrays["images"], arrays["labels"]) != data.sha256[split]:
        raise FileFormatError(f"{path} holds other digits than {data.name}/{split}")
    return Digits(data=data.name, split=split, sha256=data.sha256[split], **arrays)


def _read_or_none(data: DataSet, split: str, directory: Path) -> Digits | None:
    try:
        return _read(data, split, directory)
    except FileFormatError as error:
        if _path(data, split, directory).exists():
            _log.warning("%s; it is prepared again", error)
        return None
