"""MNIST and USPS in the forms in which people have them, and what is none of them."""

import bz2
import gzip
import hashlib
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lecun89.data import get_data, idx, load, mnist, prepare, prepared_state, usps
from lecun89.exceptions import DataUnavailableError
from tests.conftest import Result

NAMES = [*mnist.SHA256]
KAGGLE = [name.replace("-idx", ".idx") for name in NAMES]

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": lambda content: gzip.compress(content, 1),
    "bzip2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
}

Tiny = dict[str, bytes]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """Four small IDX files, which are MNIST for as long as the test runs."""
    draws = np.random.default_rng(1)
    images = [draws.integers(0, 256, (n, 28, 28), np.uint8) for n in (3, 2)]
    labels = [draws.integers(0, 10, n, np.uint8) for n in (3, 2)]
    arrays = (images[0], labels[0], images[1], labels[1])
    files = {
        name: idx.header(array) + array.tobytes() for name, array in zip(NAMES, arrays, strict=True)
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(mnist, "SHA256", digests)
    return files


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


LAYOUTS = {
    "the names of the first site": NAMES,
    "Kaggle's names": KAGGLE,
    "Kaggle's names, packed": [f"{name}.gz" for name in KAGGLE],
    "half of the names Kaggle's": [*NAMES[:2], *KAGGLE[2:]],
    "capitals": [name.upper() for name in NAMES],
    "capitals and the ending, too": [f"{name.title()}.GZ" for name in KAGGLE],
    "underscores": [name.replace("-", "_") for name in NAMES],
    "bzip2's ending": [f"{name}.bz2" for name in NAMES],
    "torchvision's root": [f"MNIST/raw/{name}" for name in NAMES],
    "torchvision's root, packed": [f"MNIST/raw/{name}.gz" for name in NAMES],
    "torchvision's folder": [f"raw/{name}" for name in NAMES],
    "each in a folder of its name": [f"{name}/{name}" for name in NAMES],
    "folders beside the files": [f"{a}/../{b}" for a, b in zip(NAMES, KAGGLE, strict=True)],
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_mnist_is_found_by_its_names_and_unpacked_by_its_content(
    layout: str, packing: str, tiny: Tiny, tmp_path: Path
) -> None:
    for name, content in zip(LAYOUTS[layout], tiny.values(), strict=True):
        put(tmp_path / name, PACKINGS[packing](content))
    found = mnist.read_mnist(str(tmp_path))
    assert found.train_images.tobytes() == tiny[NAMES[0]][16:]
    assert found.train_labels.tobytes() == tiny[NAMES[1]][8:]
    assert found.test_images.tobytes() == tiny[NAMES[2]][16:]
    assert found.test_labels.tobytes() == tiny[NAMES[3]][8:]


def test_of_several_files_the_one_with_the_exact_name_is_read(tiny: Tiny, tmp_path: Path) -> None:
    for name, content in tiny.items():
        put(tmp_path / "a" / name, content)
        put(tmp_path / "a" / name.upper(), b"other")
        put(tmp_path / "a" / name.replace("-idx", ".idx"), b"other")
        put(tmp_path / "a" / "MNIST" / "raw" / name, b"other")
    exact = mnist.find_files(tmp_path / "a")
    assert exact == {name: tmp_path / "a" / name for name in NAMES}
    assert len(mnist.read_mnist(str(tmp_path / "a")).test_labels) == 2


def test_all_of_mnist_with_kaggles_names_is_the_same_digits(
    tmp_path: Path, data_dir: Path, cli: Callable[..., Result]
) -> None:
    for name, kaggle in zip(NAMES, KAGGLE, strict=True):
        with lzma.open(mnist.BUNDLED / f"{name}.xz") as packed:
            put(tmp_path / "archive" / kaggle, packed.read())
    result = cli("prepare", "--source", "archive", "--data-dir", "here", "--json")
    assert result.exit_code == 0, result.stderr
    digests = {split: one["sha256"] for split, one in result.document["splits"].items()}
    assert digests == get_data("1989").sha256
    for split in digests:
        assert np.array_equal(
            load("1989", split, Path("here")).images, load("1989", split, data_dir).images
        )


PAGE = b"<!DOCTYPE html>\n<html><title>Sign in - Kaggle</title></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ba89\nsize 9912422\n"
READ = "give the directory of the four IDX files (train-images-idx3-ubyte"
READ_OF_USPS = "give the directory of zip.train.gz and zip.test.gz, or of usps.bz2 and usps.t.bz2"

REFUSED_MNIST: list[tuple[str, dict[str, bytes], tuple[str, ...]]] = [
    ("nothing", {}, ("no train-images-idx3-ubyte in source: ", READ)),
    ("a page", dict.fromkeys(NAMES, PAGE), ("train-images-idx3-ubyte is an HTML page", READ)),
    ("a page as .gz", {f"{name}.gz": PAGE for name in NAMES}, ("is an HTML page", READ)),
    ("pointers", dict.fromkeys(NAMES, POINTER), ("is a Git LFS pointer", "git lfs pull", READ)),
    ("zip archives", dict.fromkeys(KAGGLE, b"PK\x03\x04"), ("is a zip archive", READ)),
    ("the last is missing", dict.fromkeys(NAMES[:3], b"x"), (f"no {NAMES[3]} in", READ)),
    ("labels are missing", dict.fromkeys(KAGGLE[::2], b"x"), (f"no {NAMES[1]} in", READ)),
    ("only a folder of the name", {f"{NAMES[0]}/x": b"x"}, (f"no {NAMES[0]} in",)),
    ("Kaggle's CSV", {"mnist_train.csv": b"5,0"}, ("but mnist_train.csv, and CSV is not", READ)),
    ("Keras' file", {"mnist.npz": b"PK\x03\x04"}, ("mnist.npz, and NumPy's form is not read",)),
    ("MATLAB's file", {"mnist.mat": b"MATLAB"}, ("mnist.mat, and MATLAB's form is not read",)),
    ("Parquet", {"mnist/train-0.parquet": b"PAR1"}, ("train-0.parquet, and Parquet is not",)),
    ("a pickle", {"mnist.pkl.gz": b"\x1f\x8b"}, ("mnist.pkl.gz, and a pickle is not read",)),
    ("pictures", {"train/5/1.png": b"\x89PNG"}, ("1.png, and a picture is not read", READ)),
    (
        "torchvision's old form",
        {"MNIST/processed/training.pt": b"PK\x03\x04"},
        ("training.pt, and PyTorch's form is not read", READ),
    ),
    ("labels for images", dict.fromkeys(NAMES, b"\0\0\x08\x01" + bytes(99)), ("IDX magic", READ)),
    ("cut files", dict.fromkeys(NAMES, gzip.compress(bytes(99))[:12]), ("cut short", READ)),
    ("empty files", dict.fromkeys(NAMES, b""), ("is cut short: no whole IDX header", READ)),
]

LINE = b"6.0000" + b" -1.0000" * 256 + b"\n"
SVM = b"7 " + b" ".join(b"%d:-1" % i for i in range(1, 257)) + b" \n"

REFUSED_USPS: list[tuple[str, dict[str, bytes], tuple[str, ...]]] = [
    ("nothing", {}, ("no USPS digits in source: ", READ_OF_USPS)),
    ("no test", {"zip.train.gz": b"x"}, ("no zip.test or usps.t beside source/zip.train.gz",)),
    ("no training", {"usps.t.bz2": b"x"}, ("no zip.train or usps beside source/usps.t.bz2",)),
    ("HDF5", {"usps.h5": b"\x89HDF"}, ("but usps.h5, and HDF5 is not read", READ_OF_USPS)),
    ("pictures", {"Numerals/0/a.png": b"\x89PNG"}, ("a.png, and a picture is not read",)),
    ("MATLAB's", {"usps_all.mat": b"MATLAB"}, ("usps_all.mat, and MATLAB's form is not read",)),
    ("CSV", {"usps.csv": b"6,-1"}, ("usps.csv, and CSV is not read", READ_OF_USPS)),
    ("pages", {"zip.train.gz": PAGE, "zip.test.gz": PAGE}, ("is an HTML page", READ_OF_USPS)),
    ("pointers", {"usps.bz2": POINTER, "usps.t.bz2": POINTER}, ("Git LFS", READ_OF_USPS)),
    ("HDF5 by another name", {"usps": b"\x89HDF\r\n", "usps.t": b"x"}, ("usps is HDF5",)),
    ("empty files", {"usps": b"", "usps.t": b""}, ("usps is empty", READ_OF_USPS)),
    ("blank files", {"usps": b"\n\n", "usps.t": b"\n"}, ("usps is empty", READ_OF_USPS)),
    ("too few", {"zip.train": LINE, "zip.test": LINE}, ("holds 1 digits, not 7,291",)),
]


@pytest.mark.parametrize(
    ("data", "files", "words"),
    [
        pytest.param(data, files, words, id=f"{data} {name}")
        for data, table in (("1989", REFUSED_MNIST), ("usps", REFUSED_USPS))
        for name, files, words in table
    ],
)
def test_what_is_not_read_is_named_beside_what_is(
    data: str, files: dict[str, bytes], words: tuple[str, ...], cli: Callable[..., Result]
) -> None:
    Path("source").mkdir()
    for name, content in files.items():
        put(Path("source", name), content)
    result = cli("prepare", "--data", data, "--source", "source", "--data-dir", "here")
    assert (result.exit_code, result.stdout) == (4, "")
    for part in words:
        assert part in result.error.replace("\\", "/")
    assert not Path("here").exists()


def usps_files(train: str, test: str) -> dict[str, bytes]:
    """Three and two digits in a form each: ``book`` or ``svm``, which hold the same."""
    forms = {"book": LINE, "svm": SVM}
    return {"train": forms[train] * 3, "test": forms[test] * 2}


USPS_LAYOUTS = [
    ("the book's", "zip.train.gz", "zip.test.gz", "book", "book"),
    ("the book's, unpacked", "zip.train", "zip.test", "book", "book"),
    ("LIBSVM's", "usps.bz2", "usps.t.bz2", "svm", "svm"),
    ("LIBSVM's, unpacked", "usps", "usps.t", "svm", "svm"),
    ("training of the book, test of LIBSVM", "zip.train.gz", "usps.t.bz2", "book", "svm"),
    ("training of LIBSVM, test of the book", "usps", "zip.test", "svm", "book"),
    ("one by the other's name", "zip.train", "zip.test", "svm", "book"),
    ("capitals", "ZIP.TRAIN.GZ", "Zip.Test", "book", "book"),
    ("gzip's ending for LIBSVM's", "usps.gz", "usps.t.gz", "svm", "svm"),
]


@pytest.mark.parametrize("ends", [b"", b"\n", b"\n\n \r\n\t\n"], ids=["bare", "one", "blank"])
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(("name", "train", "test", "form", "other"), USPS_LAYOUTS)
def test_usps_is_read_in_either_form_however_it_is_packed(
    name: str,
    train: str,
    test: str,
    form: str,
    other: str,
    packing: str,
    ends: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usps, "TOTALS", {"train": 3, "test": 2})
    for file, content in zip((train, test), usps_files(form, other).values(), strict=True):
        put(tmp_path / "source" / file, PACKINGS[packing](content.rstrip() + ends))
    found = usps.read_usps(str(tmp_path / "source"))
    for split, total in usps.TOTALS.items():
        images, labels = found[split]
        assert labels.tolist() == [6] * total, name
        assert images.shape == (total, 16, 16)
        assert (images == -1).all()


def test_blank_lines_within_are_no_digits(tmp_path: Path) -> None:
    put(tmp_path / "zip.train", LINE + b"\n" + LINE)
    with pytest.raises(DataUnavailableError, match="line 2 is not like zip.train: 0 numbers"):
        usps.read_zip(tmp_path / "zip.train", 3)


FOREIGN = {
    "a few bytes": b"mine",
    "text": b"my own notes\n" * 100,
    "tensors of another program": (
        b'\x40\0\0\0\0\0\0\0{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[0],'
        b'"data_offsets":[0,0]}}'
    ),
    "an archive": b"PK\x03\x04" + bytes(5000),
    "much": bytes(2 << 20),
}


@pytest.mark.parametrize("line", ["prepare", "train --passes 1 --batch-size full", "eval record"])
@pytest.mark.parametrize("kind", [*FOREIGN, "weights of lecun89", "a link", "a directory"])
def test_a_file_that_lecun89_did_not_write_stays(
    kind: str, line: str, cli: Callable[..., Result], data_dir: Path
) -> None:
    place = Path("D/1989/test.safetensors")
    place.parent.mkdir(parents=True)
    if kind == "a link":
        Path("mine").write_bytes(b"mine")
        place.symlink_to(Path("mine").resolve())
    elif kind == "a directory":
        place.mkdir()
    elif kind == "weights of lecun89":
        shutil.copy(
            Path(usps.__file__).parents[1] / "network/published/record-1989.safetensors", place
        )
    else:
        place.write_bytes(FOREIGN[kind])
    before = None if place.is_dir() else place.read_bytes()
    result = cli(*line.split(), "--data-dir", "D")
    assert result.exit_code == 4
    assert f"cannot write the digits to {place}: it is there" in result.error
    assert "move it away, or choose another directory with --data-dir" in result.error
    assert "prepared again" not in result.stderr
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert place.is_symlink() == (kind == "a link")
    assert before is None or place.read_bytes() == before


def test_a_damaged_file_of_lecun89_is_made_again(tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "1989" / "test.safetensors"
    shutil.copytree(data_dir / "1989", path.parent)
    whole = path.read_bytes()
    for damaged in (b"", whole[:60], whole[:-1], whole[:10] + b"xx" + whole[12:], whole + b"x"):
        path.write_bytes(damaged)
        assert prepared_state("1989", tmp_path) == "incomplete or damaged"
        prepare("1989", tmp_path)
        assert path.read_bytes() == whole
