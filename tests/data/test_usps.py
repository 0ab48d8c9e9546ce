"""The USPS digits, in both forms in which they are given away."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecun89.data import SPLITS, load, load_or_make, prepare, usps, verify
from lecun89.data.digits import digits_sha256
from lecun89.exceptions import DataFormatError, DataUnavailableError, UsageError
from lecun89.variants import get_variant
from tests.conftest import ROOT, Result

BOOK = ROOT.parent / "shared" / "data" / "usps"
real = pytest.mark.skipif(not BOOK.is_dir(), reason="the book's files are not on this machine")


@pytest.fixture(scope="session")
def parsed() -> Any:
    """The book's digits."""
    return usps.read_usps(str(BOOK))


@real
def test_the_books_digits_are_the_papers_counts(parsed: Any, tmp_path: Path) -> None:
    done = prepare("usps", tmp_path, str(BOOK))
    assert done.totals == {"train": 7_291, "validation": 1_000, "test": 2_007}
    train, validation, test = (load("usps", part, tmp_path) for part in done.totals)
    assert np.bincount(train.labels).tolist() == [
        *(1194, 1005, 731, 658, 652),
        *(556, 664, 645, 542, 644),
    ]
    assert np.bincount(test.labels).tolist() == [
        *(359, 264, 198, 166, 200),
        *(160, 170, 147, 166, 177),
    ]
    assert (train.images.min(), train.images.max()) == (-1, 1)
    assert train.images[0, 0, 6:9] == pytest.approx([-1, -0.631, 0.862])
    assert np.array_equal(validation.images, train.images[-1000:])
    assert validation.source_index[0] == 6_291
    prepare("usps-tune", tmp_path, str(BOOK))
    assert np.array_equal(load("usps-tune", "train", tmp_path).images, train.images[:-1000])
    assert np.array_equal(load("usps-tune", "test", tmp_path).images, validation.images)
    assert verify("usps", tmp_path, str(BOOK)).sha256 == done.sha256


@real
def test_the_folds_hold_each_training_digit_out_once(tmp_path: Path) -> None:
    prepare("usps", tmp_path, str(BOOK))
    whole, held_out = load("usps", "train", tmp_path), []
    for number in range(10):
        train, validation, test = (load(f"usps-fold{number}", part, tmp_path) for part in SPLITS)
        assert test.sha256 == validation.sha256 == digits_sha256(test.images, test.labels)
        assert train.sha256 == digits_sha256(train.images, train.labels)
        assert not set(train.source_index) & set(test.source_index)
        assert len(train) + len(test) == len(whole)
        assert np.array_equal(test.images, whole.images[test.source_index])
        held_out += list(test.source_index)
    assert held_out == list(range(7_291))
    assert not [path for path in tmp_path.iterdir() if "fold" in path.name]


def test_a_fold_is_had_by_preparing_usps(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="usps-fold3 is cut from usps: give --data usps"):
        prepare("usps-fold3", tmp_path)
    with pytest.raises(DataUnavailableError, match="prepare it with `lecun89 prepare --data usps`"):
        load_or_make("usps-fold3", "train", tmp_path)
    with pytest.raises(UsageError, match="unknown data 'usps-fold10'"):
        load("usps-fold10", "train", tmp_path)
    assert get_variant("record").passes_on("usps-fold3") == get_variant("record").passes_on("usps")


def as_libsvm(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> bytes:
    lines = []
    for image, label in zip(images, labels, strict=True):
        pairs = [f"{i}:{v:.6g}" for i, v in enumerate(image.ravel(), 1) if v != 0]
        lines.append(f"{label + 1} {' '.join(pairs)} \n")
    return "".join(lines).encode()


@real
def test_libsvms_form_is_the_same_digits(parsed: Any, tmp_path: Path) -> None:
    for split, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        images, labels = parsed[split]
        (tmp_path / name).write_bytes(bz2.compress(as_libsvm(images, labels)))
    found = usps.read_usps(str(tmp_path))
    for split in found:
        for ours, theirs in zip(found[split], parsed[split], strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)


LINE = "3.0000 " + "-1.0000 " * 256
SVM = "4 " + " ".join(f"{i}:0.5" for i in range(1, 257))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zip.train", LINE * 2, "line 1 is not like zip.train: more numbers, not 257"),
        ("zip.train", LINE[:-8], "line 1 is not like zip.train: 256 numbers, not 257"),
        ("zip.train", LINE + "\n" + LINE, "holds 2 digits, not 1"),
        ("zip.train", LINE.replace("3.0", "3.5"), "a label that is no digit"),
        ("zip.train", LINE.replace("-1.0000", "-1.1"), "outside of -1 to 1"),
        ("zip.train", LINE.replace("-1.0000", "nan"), "outside of -1 to 1"),
        ("zip.train", LINE.replace("-1.0000", "x"), "is not like zip.train"),
        ("zip.train", "", "is empty"),
        ("zip.train", "\x00\xff" * 50, "is not like zip.train"),
        ("usps", SVM.replace("256:", "257:"), "index 257 is not 1 to 256"),
        ("usps", SVM.replace("256:", "0:"), "index 0 is not 1 to 256"),
        ("usps", SVM.replace("256:", "256;"), "is not like LIBSVM's"),
        ("usps", SVM.replace("4 ", "11 "), "a label that is no digit"),
        ("usps", SVM + " 1:1", "more than 256 values"),
        ("usps", SVM.replace("0.5", "inf"), "outside of -1 to 1"),
        ("usps", "\n", "is empty"),
        ("usps", SVM.replace(":0.5 7:", " 0.5 7 "), "is no label and pairs"),
        ("usps", SVM.replace("256:", "nan:"), "index nan is not 1 to 256"),
        ("usps", SVM.replace("256:", "1.5:"), "index 1.5 is not 1 to 256"),
    ],
)
def test_what_is_not_their_form_is_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="latin-1")
    with pytest.raises((DataFormatError, ValueError), match=message):
        (usps.read_zip if name.startswith("zip") else usps.read_libsvm)(path, 1)


def test_damaged_and_endless_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(LINE.encode())
    cut = tmp_path / "zip.train.gz"
    cut.write_bytes(packed[:-20])
    with pytest.raises(DataFormatError, match="cut short or damaged"):
        usps.read_zip(cut, 1)
    damaged = tmp_path / "usps.bz2"
    damaged.write_bytes(b"BZh91AY&SY" + bytes(50))
    with pytest.raises(DataFormatError, match="damaged"):
        usps.read_libsvm(damaged, 1)
    cut.write_bytes(gzip.compress(bytes(1 << 20)))
    monkeypatch.setattr(usps, "_MAX_BYTES", 1 << 19)
    with pytest.raises(DataFormatError, match="unpacks to more"):
        usps.read_zip(cut, 1)


def test_other_digits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("zip.train", "zip.test"):
        (tmp_path / name).write_text(LINE)
    monkeypatch.setattr(usps, "TOTALS", {"train": 1, "test": 1})
    with pytest.raises(DataUnavailableError, match="not the known ones of usps/test"):
        usps.make_digits(prepare_data(), str(tmp_path), ["test"])
    assert not list(tmp_path.glob("usps"))


def prepare_data() -> Any:
    from lecun89.data import get_data

    return get_data("usps")


def test_without_the_files_the_advice_is_one_line(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    result = cli("prepare", "--data", "usps", "--source", tmp_path)
    assert result.exit_code == 4
    assert "no USPS digits in" in result.error
    assert "zip.train.gz and zip.test.gz" in result.error
    result = cli("prepare", "--data", "usps", "--source", "bundled")
    assert result.exit_code == 4
    assert "--source bundled is no directory" in result.error
