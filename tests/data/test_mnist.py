import gc
import gzip
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

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


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def whole(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def half(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])


def forbidden(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_error(403)


def web_page(request: BaseHTTPRequestHandler, content: bytes) -> None:
    whole(request, b"<html>please log in</html>")


def stalled(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    threading.Event().wait(3)


leaves_connections = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.fixture
def mirror(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Answer], None]]:
    """Torchvision's only mirror is a server on this machine that answers as told."""
    datasets = pytest.importorskip("torchvision.datasets", exc_type=Exception)
    content = {f"/{name}.gz": gzip.compress(body, 1, mtime=0) for name, body in files.items()}
    answers: list[Answer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers[0](self, content[self.path])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(
        datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_address[1]}/"]
    )
    # The server's gzip differs from the mirrors' in its header, so its MD5 does too.
    resources = [(name.strip("/"), None) for name in content]
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr("lecun89.data.download.DOWNLOAD_TIMEOUT", 1.0)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    yield answers.append
    server.shutdown()
    server.server_close()
    gc.collect()  # torchvision leaves its connections to the collector
    assert list(temporary.iterdir()) == []


@leaves_connections
def test_a_download_is_verified_and_leaves_nothing(
    mirror: Callable[[Answer], None], mnist: Mnist, capfd: pytest.CaptureFixture[str]
) -> None:
    mirror(whole)
    found = read_mnist("download")
    assert np.array_equal(found.train_images, mnist.train_images)
    assert capfd.readouterr().out == ""


@leaves_connections
@pytest.mark.parametrize("answer", [half, forbidden, web_page, stalled])
def test_a_failed_download_is_one_line_and_leaves_nothing(
    mirror: Callable[[Answer], None], answer: Answer
) -> None:
    mirror(answer)
    with pytest.raises(DataUnavailableError, match="use the bundled copy") as caught:
        read_mnist("download")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_broken_torchvision_is_one_line(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise error("operator torchvision::nms does not exist")

    monkeypatch.setitem(sys.modules, "torchvision.datasets", Broken("torchvision.datasets"))
    with pytest.raises(DataUnavailableError, match="nms does not exist.*--source bundled"):
        read_mnist("download")
