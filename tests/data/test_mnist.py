import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lecun89.data import idx, prepare
from lecun89.data.mnist import BUNDLED, SHA256, Mnist, read_mnist
from lecun89.exceptions import DataFormatError, DataUnavailableError


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    return read_mnist()


@pytest.fixture(scope="module")
def files(mnist: Mnist) -> dict[str, bytes]:
    """The four IDX files."""
    arrays = (mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels)
    return {
        name: idx.header(array) + array.tobytes()
        for name, array in zip(SHA256, arrays, strict=True)
    }


def test_all_of_mnist_is_bundled_in_9_5_megabytes(mnist: Mnist) -> None:
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert np.bincount(mnist.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 9_500_000


def test_a_directory_is_read_plain_or_gzipped(
    mnist: Mnist, files: dict[str, bytes], tmp_path: Path
) -> None:
    for number, (name, content) in enumerate(files.items()):
        if number % 2:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (tmp_path / name).write_bytes(content)
    found = read_mnist(str(tmp_path))
    assert np.array_equal(found.train_images, mnist.train_images)
    assert np.array_equal(found.test_labels, mnist.test_labels)


def test_one_changed_pixel_is_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match="is not MNIST's t10k-images"):
        read_mnist(str(tmp_path))


def test_a_directory_without_the_files_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="no train-images-idx3-ubyte in"):
        read_mnist(str(tmp_path))
    with pytest.raises(DataUnavailableError, match="is no directory"):
        prepare("1989", tmp_path, str(tmp_path / "nothing"))


def test_a_damaged_package_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, bytes]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(BUNDLED, copy)
    path = copy / "t10k-labels-idx1-ubyte.xz"
    path.write_bytes(path.read_bytes()[:-50])
    monkeypatch.setattr("lecun89.data.mnist.BUNDLED", copy)
    with pytest.raises(DataUnavailableError, match="reinstall lecun89"):
        read_mnist()


@pytest.mark.parametrize("error", ["ImportError", "OSError", "RuntimeError"])
def test_a_broken_torchvision_is_one_line(
    error: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = f"raise {error}('operator torchvision::nms does not exist')"
    (tmp_path / "torchvision.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        DataUnavailableError, match="^cannot import torchvision.*nms does not exist.*--source bundl"
    ):
        read_mnist("download")


def test_a_download_leaves_pytorch_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text("import torch\nraise ImportError('enough')")
    code = (  # without a main guard, as in a notebook
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from lecun89.data.mnist import read_mnist\n"
        "try: read_mnist('download')\n"
        "except Exception as error: print(error, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "enough" in done.stdout
    assert done.stdout.endswith(" False\n")


def test_a_torchvision_that_crashes_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torchvision.py").write_text("import os\nos.abort()")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataUnavailableError, match="MNIST .the process of torchvision ended.: use"):
        read_mnist("download")
