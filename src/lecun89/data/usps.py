"""The digits of the U.S. Postal Service, as the books have them: the counts of the paper.

Two forms of the same numbers are read. *The Elements of Statistical Learning* (Hastie, Tibshirani
and Friedman) has zip.train.gz and zip.test.gz: a line for each digit, its label and 256 values
from -1 to 1. LIBSVM has usps.bz2 and usps.t.bz2, which torchvision downloads: the label plus
one, then index:value for each value that is not 0. Their order is the original one. Which form
a file has is told by its first line, and how it is packed by its first bytes.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.data.digits import Digits, digits_sha256
from lecun89.data.download import downloaded
from lecun89.data.finding import other_form, unpacked_name
from lecun89.data.packed import unpacking
from lecun89.data.sets import DataSet
from lecun89.exceptions import DataFormatError, DataUnavailableError, one_line
from lecun89.network.architecture import IMAGE_SIZE

RULE = (
    "the USPS digits in their order: train = the first of zip.train, validation = its last 1,000, "
    "test = zip.test; the values as float32"
)

TOTALS = {"train": 7_291, "test": 2_007}
"""Digits in the two files."""

Parsed = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]
"""Images (n, 16, 16) and labels (n,)."""

_PIXELS = IMAGE_SIZE**2
_PLACES = np.arange(1, _PIXELS + 1)
_NAMES = {"train": ("zip.train", "usps"), "test": ("zip.test", "usps.t")}
_MAX_BYTES = 32 << 20  # unpacked; zip.train has 14 MB
_ADVICE = (
    "give the directory of zip.train.gz and zip.test.gz, or of usps.bz2 and usps.t.bz2, with "
    "`lecun89 prepare --data usps --source DIRECTORY`"
)


def make_digits(data: DataSet, source: str, splits: list[str]) -> list[Digits]:
    """Splits of a data set from the USPS digits by `RULE`.

    Args:
        data: ``usps`` or ``usps-tune``.
        source: as `read_usps` takes it.
        splits: their names.

    Raises:
        DataUnavailableError: the digits could not be had, or are others.
    """
    parsed = read_usps(source)
    made = []
    for split in splits:
        images, labels = parsed["test" if data.from_test_file(split) else "train"]
        index = source_index(data, split)
        digest = digits_sha256(images[index], labels[index])
        if digest != data.sha256[split]:
            raise DataUnavailableError(
                f"the digits of {source} are not the known ones of {data.name}/{split}: their "
                f"SHA-256 is {digest[:12]}..., not {data.sha256[split][:12]}...; {_ADVICE}"
            )
        made.append(Digits(data.name, split, images[index], labels[index], index, digest))
    return made


def source_index(data: DataSet, split: str) -> npt.NDArray[np.int32]:
    """Places of a split's digits in their file, by `RULE`."""
    places = np.arange(TOTALS["test" if data.from_test_file(split) else "train"], dtype=np.int32)
    last = {"validation": data.validation, "test": data.test}
    return places[: data.train] if split == "train" else places[-last[split] :]


def read_usps(source: str) -> dict[str, Parsed]:
    """The digits of both files.

    Args:
        source: ``download`` (LIBSVM's files, by torchvision), or the path of a directory that
            holds the book's files or LIBSVM's, or one of each, packed or not.

    Raises:
        DataUnavailableError: they are not there, could not be downloaded, or are of another form.
    """
    if source == "download":
        with downloaded("USPS", _ADVICE) as directory:
            return _read_directory(directory)
    return _read_directory(Path(source))


def read_file(path: Path, total: int) -> Parsed:
    """One of the two forms, whichever it is; errors as of `read_zip` and `read_libsvm`."""
    lines = _lines(path, total)
    return (_parse_libsvm if b":" in lines[0] else _parse_zip)(path, lines)


def read_zip(path: Path, total: int) -> Parsed:
    """The book's form: label and 256 values, separated by spaces, on each line.

    Raises:
        DataFormatError: it is not that form, or holds another number of digits.
        DataUnavailableError: the file cannot be read.
    """
    return _parse_zip(path, _lines(path, total))


def _parse_zip(path: Path, lines: list[bytes]) -> Parsed:
    numbers = np.zeros((len(lines), 1 + _PIXELS))
    for row, line in enumerate(lines):
        try:
            # No more than one word too many is taken, whatever the line holds.
            words = line.split(None, 1 + _PIXELS)
            if len(words) != 1 + _PIXELS:
                more = "more" if len(words) > 1 + _PIXELS else f"{len(words)}"
                raise ValueError(f"{more} numbers, not {1 + _PIXELS}")
            numbers[row] = [*map(float, words)]
        except ValueError as error:
            reason = f"{path}, line {row + 1} is not like zip.train: {one_line(error)}"
            raise DataFormatError(reason) from error
    return _checked(path, numbers[:, 1:], numbers[:, 0])


def read_libsvm(path: Path, total: int) -> Parsed:
    """LIBSVM's form: label plus one, then index:value from 1 to 256, zeros left out.

    Raises:
        DataFormatError: it is not that form, or holds another number of digits.
        DataUnavailableError: the file cannot be read.
    """
    return _parse_libsvm(path, _lines(path, total))


def _parse_libsvm(path: Path, lines: list[bytes]) -> Parsed:
    values, labels = np.zeros((len(lines), _PIXELS)), np.zeros(len(lines))
    for row, line in enumerate(lines):
        try:
            pairs = line.count(b":")
            if pairs > _PIXELS:
                raise ValueError(f"more than {_PIXELS} values")
            words = line.replace(b":", b" ").split(None, 1 + 2 * pairs)
            if len(words) != 1 + 2 * pairs:
                raise ValueError("it is no label and pairs")
            label, *numbers = map(float, words)
            places = np.array(numbers[::2])
            if not (known := np.isin(places, _PLACES)).all():
                raise ValueError(f"index {places[~known][0]:g} is not 1 to {_PIXELS}")
            labels[row] = label - 1
            values[row, places.astype(np.intp) - 1] = numbers[1::2]
        except ValueError as error:
            reason = f"{path}, line {row + 1} is not like LIBSVM's: {one_line(error)}"
            raise DataFormatError(reason) from error
    return _checked(path, values, labels)


def _read_directory(directory: Path) -> dict[str, Parsed]:
    try:
        paths = find_files(directory)
        if not paths:
            raise DataUnavailableError(
                f"no USPS digits in {directory}{other_form(directory)}: {_ADVICE}"
            )
        for split, names in _NAMES.items():
            if split not in paths:
                (there,) = paths.values()
                raise DataUnavailableError(f"no {' or '.join(names)} beside {there}: {_ADVICE}")
        return {split: read_file(path, TOTALS[split]) for split, path in paths.items()}
    except OSError as error:
        raise DataUnavailableError(f"cannot read {error.filename}: {error.strerror}") from error
    except DataFormatError as error:
        raise DataFormatError(f"{error}; {_ADVICE}") from error


def find_files(directory: Path) -> dict[str, Path]:
    """The file of each of `TOTALS`, in either form; case and packing do not matter."""
    there = sorted(path for path in directory.iterdir() if path.is_file())
    found = {
        split: [path for name in names for path in there if unpacked_name(path) == name]
        for split, names in _NAMES.items()
    }
    return {split: paths[0] for split, paths in found.items() if paths}


def _lines(path: Path, total: int) -> list[bytes]:
    with unpacking(path, _MAX_BYTES) as source:
        content = source.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise DataFormatError(f"{path} unpacks to more than {_MAX_BYTES >> 20} MiB")
    if not content.strip():
        raise DataFormatError(f"{path} is empty")
    content = content.rstrip()  # blank lines at the end
    count = content.count(b"\n") + 1
    if count != total:
        raise DataFormatError(f"{path} holds {count:,} digits, not {total:,}")
    return content.split(b"\n")


def _checked(
    path: Path, values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]
) -> Parsed:
    if not np.isin(labels, np.arange(10)).all():
        raise DataFormatError(f"{path} has a label that is no digit")
    if not (np.abs(values) <= 1).all():  # also when one is not a number
        raise DataFormatError(f"{path} has values outside of -1 to 1")
    images = (values + 0.0).astype(np.float32).reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    return images, labels.astype(np.uint8)
