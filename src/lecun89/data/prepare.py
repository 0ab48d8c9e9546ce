"""Prepare the digits by the data rule, keep them on disk, and load them verified.

Each split is one file, ``<data directory>/<data>/<split>.safetensors``, whole or absent, with
its manifest as header. Its digest must be the one in this module: a file that is damaged or of
another rule is prepared again.
"""

import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lecun89.data import folds, rule, usps
from lecun89.data.digits import Digits, digits_sha256
from lecun89.data.mnist import read_mnist
from lecun89.data.sets import SPLITS, DataSet, get_data
from lecun89.exceptions import (
    CheckFailedError,
    DataUnavailableError,
    FileFormatError,
    UsageError,
    unknown_name,
)
from lecun89.network.architecture import IMAGE_SIZE
from lecun89.storage import tensorfile
from lecun89.storage.outputdir import refuse_links
from lecun89.version import __version__

DAMAGED = "incomplete or damaged"

_KIND = "digits"
_MAX_BYTES = 64 << 20
_log = logging.getLogger(__name__)


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


def prepare(name: str, directory: Path, source: str | None = None) -> Prepared:
    """Make what is missing or damaged of a data set's files; leave the rest as it is.

    Args:
        name: of the data set.
        directory: the data directory.
        source: as `lecun89.data.mnist.read_mnist` or `lecun89.data.usps.read_usps` takes it;
            when left out, the copy of MNIST in this package, or a download of USPS.

    Raises:
        UsageError: there is no such data set.
        DataUnavailableError: MNIST or USPS could not be had, the directory cannot be written, or
            what is in the way there is not ours.
    """
    data = _kept(name)
    if source is not None:
        check_source(data, source)
    missing = _problems(data, directory)
    if missing:
        refuse_links(directory / name, directory, DataUnavailableError)
        for split in missing:
            tensorfile.refuse_foreign(_path(data, split, directory), _KIND)
        for split, problem in missing.items():
            if _is_there(_path(data, split, directory)):
                _log.warning("%s; it is prepared again", problem)
        source = source or ("download" if data.source == "usps" else "bundled")
        _write(_make(data, source, [*missing]), data, directory / name, source)
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
    if data.held_out is not None:
        return folds.cut(load("usps", "train", directory), data, split)
    try:
        return _read(data, split, directory)
    except FileFormatError:
        prepare(name, directory)
        return _read(data, split, directory)


@cache
def _made(name: str, split: str) -> Digits:
    return _make(get_data(name), "bundled", [split])[0]


def load_or_make(name: str, split: str, directory: Path) -> Digits:
    """One split of a data set; where it is not prepared, it is made and nothing is written.

    Raises:
        UsageError: there is no such data set or split.
        DataUnavailableError: it is of USPS, which this package does not have.
    """
    data = get_data(name)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if data.held_out is not None:
        return folds.cut(load_or_make("usps", "train", directory), data, split)
    try:
        return _read(data, split, directory)
    except FileFormatError as error:
        if data.source == "usps":
            raise DataUnavailableError(
                f"no {name} in {directory}: prepare it with `lecun89 prepare --data {name}`"
            ) from error
        if _is_there(_path(data, split, directory)):
            _log.warning("%s; it is made again, in memory", error)
        return _made(name, split)


def verify(name: str, directory: Path, source: str | None = None) -> Prepared:
    """Make every split again from `source` and compare it with the one on disk.

    Raises:
        CheckFailedError: a split on disk is missing, damaged, or differs.
        DataUnavailableError: MNIST or USPS could not be had.
    """
    data = _kept(name)
    problems = []
    for made in _make(data, source, list(SPLITS)):
        path = _path(data, made.split, directory)
        try:
            arrays, _ = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
        except FileFormatError:
            problems.append(f"{made.split} {'is damaged' if _is_there(path) else 'is missing'}")
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
    if not any(_is_there(_path(data, split, directory)) for split in SPLITS):
        return "absent"
    return DAMAGED if _problems(data, directory) else "ready"


def check_source(data: DataSet, source: str) -> None:
    """Refuse what could not be a source of the data set.

    Raises:
        DataUnavailableError: it is no directory, nor a name that the data set knows.
    """
    names = ("download",) if data.source == "usps" else ("bundled", "download")
    if source in names or Path(source).is_dir():
        return
    files = {
        "mnist": "MNIST's four IDX files",
        "usps": "zip.train.gz and zip.test.gz, or usps.bz2 and usps.t.bz2",
    }[data.source]
    raise DataUnavailableError(
        f"--source {source} is no directory: give the directory of {files}, or {' or '.join(names)}"
    )


def _kept(name: str) -> DataSet:
    data = get_data(name)
    if data.held_out is not None:
        raise UsageError(f"{name} is cut from usps: give --data usps")
    return data


def _make(data: DataSet, source: str | None, splits: list[str]) -> list[Digits]:
    if data.source == "usps":
        return usps.make_digits(data, source or "download", splits)
    return rule.make_digits(data, read_mnist(source or "bundled"), splits)


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


def _write(made: list[Digits], data: DataSet, directory: Path, source: str) -> None:
    versions = {"lecun89": __version__, "numpy": np.__version__}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for digits in made:
            manifest = {
                "data": digits.data,
                "split": digits.split,
                "total": len(digits),
                "sha256": digits.sha256,
                "rule": (usps if data.source == "usps" else rule).RULE,
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
    index = (usps if data.source == "usps" else rule).source_index(data, split)
    expected = {
        "images": np.empty((len(index), IMAGE_SIZE, IMAGE_SIZE), np.float32),
        "labels": np.empty(len(index), np.uint8),
        "source_index": index,
    }
    try:
        tensorfile.check_arrays(arrays, expected)
    except FileFormatError as error:
        raise FileFormatError(f"{path} holds no digits of {data.name}/{split}: {error}") from error
    # The digest is not over the places, which the rule gives.
    if digits_sha256(arrays["images"], arrays["labels"]) != data.sha256[split] or not (
        np.array_equal(arrays["source_index"], index)
    ):
        raise FileFormatError(f"{path} holds other digits than {data.name}/{split}")
    return Digits(
        data=data.name,
        split=split,
        images=arrays["images"],
        labels=arrays["labels"],
        source_index=arrays["source_index"],
        sha256=data.sha256[split],
    )


def _problems(data: DataSet, directory: Path) -> dict[str, FileFormatError]:
    """What is wrong with the splits that cannot be read."""
    found = {}
    for split in SPLITS:
        try:
            _read(data, split, directory)
        except FileFormatError as error:
            found[split] = error
    return found


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)  # which does not fail where one may not look
