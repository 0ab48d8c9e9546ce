import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from lecun89 import data
from lecun89.data.digits import digits_sha256
from lecun89.data.mnist import read_mnist
from lecun89.data.reduction import reduce_images
from lecun89.exceptions import CheckFailedError, DataUnavailableError, UsageError
from lecun89.storage import tensorfile


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_digits_are_those_of_the_data_rule(data_dir: Path) -> None:
    random = np.random.RandomState(1337)
    test, train = random.permutation(10_000), random.permutation(60_000)
    mnist = read_mnist()
    for split, total, index, labels in (
        ("train", 7291, train[:7291], mnist.train_labels),
        ("validation", 10_000, train[50_000:], mnist.train_labels),
        ("test", 2007, test[:2007], mnist.test_labels),
    ):
        digits = data.load("1989", split, data_dir)
        assert len(digits) == total
        assert np.array_equal(digits.source_index, index)
        assert np.array_equal(digits.labels, labels[index])
        assert digits.images.shape == (total, 16, 16)
        assert digits.images.dtype == np.float32
        assert digits.images.min() == -1
        assert digits.images.max() <= 1
        assert digits_sha256(digits.images, digits.labels) == digits.sha256


def test_full_holds_1989_and_shares_its_validation_digits(tmp_path: Path, data_dir: Path) -> None:
    assert data.prepare("full", tmp_path).totals == {
        "train": 50_000,
        "validation": 10_000,
        "test": 10_000,
    }
    full = {split: data.load("full", split, tmp_path) for split in data.SPLITS}
    small = {split: data.load("1989", split, data_dir) for split in data.SPLITS}
    assert np.array_equal(full["train"].images[:7291], small["train"].images)
    assert np.array_equal(full["test"].labels[:2007], small["test"].labels)
    assert full["validation"].sha256 == small["validation"].sha256
    assert not set(full["train"].source_index) & set(full["validation"].source_index)


def test_what_is_ready_is_left_alone(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = snapshot(data_dir)
    data.prepare("1989", data_dir)
    data.load("1989", "test", data_dir)
    data.verify("1989", data_dir)
    assert snapshot(data_dir) == before
    assert caplog.records == []
    assert data.prepared_state("1989", data_dir) == "ready"


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "forge", "remove"])
def test_damage_is_told_by_verify_and_repaired_by_use(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    data.prepare("1989", tmp_path)
    right = {name: content for name, (_, content) in snapshot(tmp_path).items()}
    path = tmp_path / "1989" / "test.safetensors"
    if damage == "flip":
        content = bytearray(path.read_bytes())
        content[-1000] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:100_000])
    elif damage == "swap":
        path.write_bytes((tmp_path / "1989" / "validation.safetensors").read_bytes())
    elif damage == "forge":  # another label, with a digest to match
        arrays, header = tensorfile.read(path, "digits", limit=10**8)
        labels = (arrays["labels"] + 1) % 10
        tensorfile.write(path, "digits", arrays | {"labels": labels}, header)
    else:
        path.unlink()
    assert data.prepared_state("1989", tmp_path) == "incomplete or damaged"
    with pytest.raises(CheckFailedError, match=r"1989: test (is damaged|is missing|differs);"):
        data.verify("1989", tmp_path)
    assert len(data.load("1989", "test", tmp_path)) == 2007
    assert {name: content for name, (_, content) in snapshot(tmp_path).items()} == right
    assert ("prepared again" in caplog.text) == (damage != "remove")


def test_preparing_at_once_from_several_threads_is_safe(tmp_path: Path) -> None:
    threads = [threading.Thread(target=data.prepare, args=("1989", tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data.verify("1989", tmp_path)
    assert len(snapshot(tmp_path)) == 3


def test_unknown_names_and_useless_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown data '198': did you mean '1989'"):
        data.prepare("198", tmp_path)
    with pytest.raises(UsageError, match="unknown split 'tests': did you mean 'test'"):
        data.load("1989", "tests", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataUnavailableError, match="another directory with --data-dir"):
        data.prepare("1989", tmp_path / "file")


def test_to_tune_on_is_to_be_tested_on_the_validation_digits(tmp_path: Path) -> None:
    of = {
        name: {split: data.load(name, split, tmp_path) for split in data.SPLITS}
        for name in ("1989", "1989-tune")
    }
    tune, real = of["1989-tune"], of["1989"]
    for split, same in (("train", "train"), ("validation", "validation"), ("test", "validation")):
        assert np.array_equal(tune[split].images, real[same].images)
        assert np.array_equal(tune[split].labels, real[same].labels)
    for split, digits in of["1989"].items():
        originals = data.read_originals(digits)
        assert originals is not None
        assert np.array_equal(reduce_images(originals[:50]), digits.images[:50]), split
    originals = data.read_originals(tune["test"])
    assert originals is not None
    assert np.array_equal(reduce_images(originals[:50]), tune["test"].images[:50])
