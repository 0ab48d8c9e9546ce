"""Downloads from mirrors that fail in every way: verified digits, or one line and nothing left.

The program runs as users run it, behind a proxy on this machine that plays every mirror, with
certificates of its own authority. No other host is asked. Gzip writes other bytes here than it did
for the mirrors, so torchvision is told the MD5s of what this server calls honest; our SHA-256 of
the unpacked files stay as they are.
"""

import bz2
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import numpy as np
import pytest
import trustme

from lecun89.data import download, idx, verify
from lecun89.data.mnist import SHA256, read_mnist
from lecun89.exceptions import DataUnavailableError
from tests.conftest import PATIENCE, command, wait_until
from tests.data.test_usps import BOOK, as_libsvm, usps

LIMIT = 60.0  # seconds of wall time that any fault may take
PROCFS = Path("/proc/self/environ").exists()

# Read by the child's Python at its start; it changes torchvision's MD5s once that is imported.
SITECUSTOMIZE = """
import importlib.util, json, os, sys
MD5 = json.loads(os.environ["SERVED_MD5"])
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name not in ("torchvision.datasets.mnist", "torchvision.datasets.usps"):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        execute = spec.loader.exec_module
        def then_change(module):
            execute(module)
            if hasattr(module, "MNIST"):
                module.MNIST.resources = [(file, MD5[file]) for file, _ in module.MNIST.resources]
            if hasattr(module, "USPS"):
                for split in module.USPS.split_list.values():
                    split[2] = MD5[split[1]]
        spec.loader.exec_module = then_change
        return spec
sys.meta_path.insert(0, Finder())
"""

Files = dict[str, bytes]


class Request(BaseHTTPRequestHandler):
    """One connection to the proxy; a mirror's own once it asked for a tunnel."""

    server: "Proxy"
    tunnel = ""

    def do_CONNECT(self) -> None:
        if self.server.fault.connect is not None:
            self.server.fault.connect(self, b"")
            return
        host = self.path.rpartition(":")[0]
        self.wfile.write(b"HTTP/1.0 200 go on\r\n\r\n")
        context = tls_context(self.server.fault.certificate, host)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.tunnel = f"https://{host}"
        self.close_connection = False

    def do_GET(self) -> None:
        url = urlsplit(self.tunnel + self.path)
        fault = self.server.fault
        answer = fault.first if url.scheme == "https" or fault.second is None else fault.second
        content = self.server.files.get(url.path.rpartition("/")[2], b"")
        self.close_connection = True
        answer(self, content)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, *args: object) -> None:
        pass


class Proxy(ThreadingHTTPServer):
    """Plays every mirror, with one fault."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 50

    def __init__(self, fault: "Fault", files: Files) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.fault, self.files = fault, files
        self.ending, self.asked = threading.Event(), threading.Event()

    def handle_error(self, *args: object) -> None:
        """Clients that go away are expected."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@cache
def authority(name: str) -> trustme.CA:
    return trustme.CA(organization_name=name)


@cache
def tls_context(kind: str, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer = authority("unknown" if kind == "unknown" else "known")
    name = "another.example" if kind == "other host" else host
    issuer.issue_cert(name).configure_cert(context)
    return context


# Answers: what the server does when it is asked for a file, whose honest bytes it is given.
Answer = Callable[[Request, bytes], None]


def status(code: int, **headers: str) -> Answer:
    def answer(request: Request, content: bytes) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


def body(change: Callable[[bytes], bytes], length: bool = True) -> Answer:
    """Send what `change` makes of the honest bytes, below their own length or none."""

    def answer(request: Request, content: bytes) -> None:
        status(200, **({"Content_Length": str(len(content))} if length else {}))(request, b"")
        request.wfile.write(change(content))

    return answer


def page(content: bytes) -> Answer:
    return lambda request, _: body(lambda _: content)(request, content)


def silent(request: Request, content: bytes) -> None:
    request.server.asked.set()
    request.server.ending.wait()


def after(first: Answer, then: Answer) -> Answer:
    def answer(request: Request, content: bytes) -> None:
        first(request, content)
        then(request, content)

    return answer


def drip(request: Request, content: bytes) -> None:
    request.server.asked.set()
    while not request.server.ending.wait(0.3):
        request.wfile.write(b"x")


def endless(request: Request, content: bytes) -> None:
    status(200)(request, b"")
    while not request.server.ending.is_set():
        request.wfile.write(bytes(1 << 20))


def redirect_on(seconds: float) -> Answer:
    """Always to another address of this server."""

    def answer(request: Request, content: bytes) -> None:
        request.server.ending.wait(seconds)
        status(302, Location=f"{request.tunnel}/{time.monotonic_ns()}/x.gz")(request, b"")

    return answer


def to_http(request: Request, content: bytes) -> None:
    status(302, Location=f"http://plain.example{request.path}")(request, content)


def reset(request: Request, content: bytes) -> None:
    body(half)(request, content)
    linger = struct.pack("ii", 1, 0)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit_less(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


def closed(request: Request, content: bytes) -> None:
    pass


def not_http(request: Request, content: bytes) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 20)


whole = body(lambda content: content)
html = page(b"<html>please log in</html>")
bomb = page(gzip.compress(bytes(100 << 20)))
longer = body(lambda content: content + b"more" * 1000)
longer_unsaid = body(lambda content: content + b"more" * 1000, length=False)
half_then_silent = after(body(half), silent)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what users may read of it.

    Attributes:
        first: the answer of what is asked by https.
        second: by http, which is MNIST's second mirror; when left out, the same.
        why: pattern of the error; when left out, the digits must be had.
        connect: what happens instead of a tunnel.
        certificate: ``good``, ``unknown`` or ``other host``.
        data: name of the data set.
        files: ``honest`` or ``altered`` bytes, with their MD5.
        proxy: to be used instead of the server.
    """

    first: Answer
    second: Answer | None = None
    why: str = ""
    connect: Answer | None = None
    certificate: str = "good"
    data: str = "1989"
    files: str = "honest"
    proxy: str = ""


NO_BYTE, NOTHING = "no byte for 10 s|timed out", "next to nothing came from http"
CUT = "corrupted|IncompleteRead|reset|closed|EOF"  # versions of Python see it differently
QUICK = {
    "503": Fault(status(503), why="HTTP Error 503.*HTTP Error 503"),
    "a page instead": Fault(html, why="corrupted"),
    "unknown authority": Fault(
        whole, status(404), why="certificate verify failed.*404", certificate="unknown"
    ),
    "other digits with their MD5": Fault(
        whole, why="is not MNIST's t10k-labels-idx1-ubyte", files="altered"
    ),
    "half, then closed": Fault(body(half), why="corrupted|IncompleteRead"),
    "silence, then an honest mirror": Fault(silent, whole),
}
FAULTS = QUICK | {
    "honest": Fault(whole),
    "403": Fault(status(403), why="HTTP Error 403"),
    "404": Fault(status(404), why="HTTP Error 404"),
    "429": Fault(status(429, Retry_After="120"), why="HTTP Error 429"),
    "silence instead of a tunnel": Fault(silent, why=NO_BYTE, connect=silent),
    "silence in the tunnel": Fault(
        silent, why=NO_BYTE, connect=after(page(b""), silent), data="usps"
    ),
    "silence": Fault(silent, why=NO_BYTE),
    "headers, then silence": Fault(
        after(status(200, Content_Length="9"), silent), why=f"{NO_BYTE}|{NOTHING}"
    ),
    "half, then silence": Fault(half_then_silent, why=f"{NO_BYTE}|{NOTHING}"),
    "half, then silence, then an honest mirror": Fault(half_then_silent, whole),
    "half, then drips": Fault(after(body(half), drip), why=NOTHING),
    "drips": Fault(after(status(200), drip), why=NOTHING),
    "dripping headers": Fault(drip, why=NOTHING),
    "drips for a tunnel": Fault(drip, why=NOTHING, connect=drip),
    "more than was said": Fault(longer),
    "more than MNIST": Fault(longer_unsaid, why="corrupted"),
    "no end": Fault(endless, why="sends more than 64 MiB"),
    "one bit flipped": Fault(body(one_bit_less), why="corrupted"),
    "a gzip bomb": Fault(bomb, why="corrupted"),
    "nothing": Fault(page(b""), why="corrupted"),
    "redirected to itself": Fault(
        lambda request, _: status(302, Location=request.path)(request, b""), why="infinite loop"
    ),
    "redirected on and on": Fault(redirect_on(0), why="infinite loop|redirects"),
    "redirected slowly": Fault(redirect_on(8), why=NOTHING),
    "redirected to http": Fault(to_http, whole),
    "redirected to a page by http": Fault(to_http, html, why="corrupted"),
    "redirected to a file": Fault(status(302, Location="file:///etc/passwd"), why="not allowed"),
    "another host's certificate": Fault(
        whole, html, why="certificate verify failed", certificate="other host"
    ),
    "unknown authority, then an honest mirror": Fault(whole, certificate="unknown"),
    "reset in the middle": Fault(reset, why=CUT),
    "closed at once": Fault(closed, why="closed connection"),
    "no HTTP": Fault(not_http, why="SSH-2.0"),
    "first fails, second honest": Fault(status(503), whole),
    "no host behind the proxy": Fault(status(502), why="502", connect=status(502)),
    "proxy refuses": Fault(whole, why="refused", proxy="http://127.0.0.1:9"),
    "proxy has no address": Fault(
        whole, why="Name|name|address", proxy="http://proxy.invalid:3128"
    ),
    "USPS: 403": Fault(status(403), why="usps.bz2: HTTP Error 403", data="usps"),
    "USPS: a page": Fault(html, why="corrupted", data="usps"),
    "USPS: silence": Fault(silent, why=NO_BYTE, data="usps"),
    "USPS: half, then silence": Fault(half_then_silent, why=NO_BYTE, data="usps"),
    "USPS: drips": Fault(after(status(200), drip), why=NOTHING, data="usps"),
    "USPS: half": Fault(body(half), why="corrupted|IncompleteRead", data="usps"),
    "USPS: reset": Fault(reset, why=CUT, data="usps"),
    "USPS: other host": Fault(whole, why="verify failed", certificate="other host", data="usps"),
    "USPS: other digits with their MD5": Fault(whole, why="digits", files="altered", data="usps"),
}
HONEST_USPS = {
    "USPS: honest": Fault(whole, data="usps"),
    "USPS: redirected to http": Fault(to_http, whole, data="usps"),
    "USPS: half, then silence, then honest by http": Fault(half_then_silent, whole, data="usps"),
}


@pytest.fixture(scope="module")
def served() -> dict[str, Files]:
    """What the mirrors hold; the altered files have one wrong digit of each data set."""
    authority("known"), authority("unknown")  # before there are threads
    mnist = read_mnist()
    arrays = (mnist.train_images, mnist.train_labels, mnist.test_images, mnist.test_labels)
    honest = {
        f"{name}.gz": gzip.compress(idx.header(array) + array.tobytes(), 1)
        for name, array in zip(SHA256, arrays, strict=True)
    }
    honest |= {"usps.bz2": bz2.compress(b"1 1:1\n"), "usps.t.bz2": bz2.compress(b"1 1:1\n")}
    labels = mnist.test_labels.copy()
    labels[1989] = (labels[1989] + 1) % 10
    changed = gzip.compress(idx.header(labels) + labels.tobytes(), 1)
    return {"honest": honest, "altered": honest | {"t10k-labels-idx1-ubyte.gz": changed}}


@contextmanager
def serving(fault: Fault, files: Files, room: Path) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """A server, and the environment in which it is all that there is of the internet."""
    (room / "tmp").mkdir(parents=True)
    (room / "site").mkdir()
    (room / "site" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    authority("known").cert_pem.write_to_path(str(room / "ca.pem"))
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    proxy = Proxy(fault, files)
    thread = threading.Thread(
        target=proxy.serve_forever, daemon=True, kwargs={"poll_interval": 0.1}
    )
    thread.start()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.search("PROXY|SSL|CERT|CA_BUNDLE|PYTHONPATH", name.upper())
    }
    env = kept | {
        "http_proxy": fault.proxy or proxy.url,
        "https_proxy": fault.proxy or proxy.url,
        "SSL_CERT_FILE": str(room / "ca.pem"),
        "SSL_CERT_DIR": str(room / "site"),
        "TMPDIR": str(room / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(room / "site"), *sys.path]),
        "SERVED_MD5": json.dumps(md5),
    }
    try:
        yield proxy, env
    finally:
        proxy.ending.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()


def start(fault: Fault, room: Path, env: dict[str, str]) -> "subprocess.Popen[str]":
    what = ("--data", fault.data, "--source", "download", "--data-dir", room / "data", "--json")
    return subprocess.Popen(
        command("prepare", *what),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        cwd=room,
        start_new_session=True,
    )


def left_behind(room: Path) -> list[str]:
    """Files in the temporary directory, and processes of the program."""
    mark = f"SSL_CERT_DIR={room / 'site'}".encode()
    left = [str(path) for path in (room / "tmp").iterdir()]
    for path in Path("/proc").glob("[0-9]*/environ") if PROCFS else ():
        with suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                left.append(f"process {path.parent.name}")
    return left


def attack(fault: Fault, files: Files, room: Path) -> tuple[list[str], float]:
    """Run into a fault.

    Returns:
        What is wrong with how the program took it, and how many seconds that was.
    """
    with serving(fault, files, room) as (_, env):
        began = time.monotonic()
        with start(fault, room, env) as process:
            try:
                stdout, stderr = process.communicate(timeout=LIMIT + 30)
            except subprocess.TimeoutExpired:
                process.kill()
                return [f"not ended after {LIMIT + 30:.0f} s"], LIMIT + 30
        seconds = time.monotonic() - began
        wrong = [f"left {what}" for what in left_behind(room)]
    if seconds > LIMIT:
        wrong.append(f"took {seconds:.0f} s")
    if process.returncode != (4 if fault.why else 0):
        wrong.append(f"exit code {process.returncode}: {stdout} {stderr}")
    elif fault.why:
        if not re.fullmatch(rf"error: [^\n]*({fault.why})[^\n]*\n", stderr):
            wrong.append(f"says {stderr}")
        if stdout or list((room / "data").rglob("*")):
            wrong.append(f"stdout {stdout!r}, data {list((room / 'data').rglob('*'))}")
    else:
        document = json.loads(stdout)
        done = verify(fault.data, room / "data", str(BOOK) if fault.data == "usps" else None)
        if document["path"] != str(done.path) or stderr or len(list(done.path.iterdir())) != 3:
            wrong.append(f"says {stdout} {stderr}")
    shutil.rmtree(room / "data", ignore_errors=True)
    return wrong, seconds


def attack_all(
    faults: dict[str, Fault], served: dict[str, Files], room: Path, figure: Callable[[str], None]
) -> None:
    with ThreadPoolExecutor(6) as pool:
        running = {
            name: pool.submit(attack, fault, served[fault.files], room / str(number))
            for number, (name, fault) in enumerate(faults.items())
        }
        results = {name: each.result() for name, each in running.items()}
    wrong = {name: wrong for name, (wrong, _) in results.items() if wrong}
    slowest = max(results, key=lambda name: results[name][1])
    figure(
        f"{len(faults)} faults, {len(wrong)} wrong, slowest {results[slowest][1]:.0f} s ({slowest})"
    )
    assert wrong == {}


def test_common_faults_give_verified_digits_or_one_line_and_leave_nothing(
    served: dict[str, Files], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    attack_all(QUICK, served, tmp_path, figure)


@pytest.mark.slow
def test_every_fault_gives_verified_digits_or_one_line_and_leaves_nothing(
    served: dict[str, Files], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    attack_all(FAULTS, served, tmp_path, figure)


@pytest.mark.slow
@pytest.mark.skipif(not BOOK.is_dir(), reason="the book's files are not on this machine")
def test_honest_bytes_of_usps_are_verified_digits(
    served: dict[str, Files], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    parsed = usps.read_usps(str(BOOK))
    files = {
        name: bz2.compress(as_libsvm(*parsed[split]))
        for split, name in (("train", "usps.bz2"), ("test", "usps.t.bz2"))
    }
    attack_all(HONEST_USPS, {"honest": served["honest"] | files}, tmp_path, figure)


def interrupt(
    which: signal.Signals, group: bool, moment: float | None, files: Files, room: Path
) -> list[str]:
    """Send a signal to a download that stalls, or after so many seconds; what is wrong then."""
    with serving(Fault(half_then_silent), files, room) as (proxy, env):
        with start(proxy.fault, room, env) as process:
            if moment is None:
                assert proxy.asked.wait(PATIENCE)
            else:
                time.sleep(moment)
            (os.killpg if group else os.kill)(process.pid, which)
            _, stderr = process.communicate(timeout=PATIENCE)
        # A process that is killed cannot wait for its child, which has then to see it and to end.
        wait_until(lambda: not left_behind(room))
        wrong = []
    if moment is None:
        known = process.returncode in (-which, 128 + which) and len(stderr.splitlines()) <= 1
        if which == signal.SIGINT:
            known = (process.returncode, stderr) == (130, "error: interrupted\n")
        if not known:
            wrong.append(f"{which.name}: {process.returncode}, {stderr}")
    if list((room / "data").rglob("*")):
        wrong.append(f"{which.name} left data")
    return wrong


posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@posix
def test_a_signal_ends_a_download_that_stalls_and_leaves_nothing(
    served: dict[str, Files], tmp_path: Path
) -> None:
    cases = [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)]
    with ThreadPoolExecutor() as pool:
        running = [
            pool.submit(interrupt, which, group, None, served["honest"], tmp_path / which.name)
            for which, group in cases
        ]
        assert [each.result() for each in running] == [[], [], []]


@posix
@pytest.mark.slow
def test_a_signal_at_any_moment_of_a_download_leaves_nothing(
    served: dict[str, Files], tmp_path: Path, rng: Random, figure: Callable[[str], None]
) -> None:
    which = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP]
    cases = [(which[i % 4], rng.random() < 0.5, rng.uniform(0, 6)) for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        running = [
            pool.submit(interrupt, *case, served["honest"], tmp_path / str(i))
            for i, case in enumerate(cases)
        ]
        wrong = [text for each in running for text in each.result()]
    figure(f"{len(cases)} signals, {len(wrong)} wrong")
    assert wrong == []


def test_patience_is_for_slow_lines_and_not_for_drips(
    served: dict[str, Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(request: Request, content: bytes) -> None:
        status(200, Content_Length=str(len(content)))(request, b"")
        for begin in range(0, len(content), 1 << 16):
            request.server.ending.wait(0.03)
            request.wfile.write(content[begin : begin + (1 << 16)])

    monkeypatch.setattr(download, "PATIENCE", 3.0)
    for name in [name for name in os.environ if name.upper() == "NO_PROXY"]:
        monkeypatch.delenv(name)
    files = served["honest"]
    with serving(Fault(slow), files, tmp_path / "slow") as (_, env):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        began = time.monotonic()
        assert np.array_equal(read_mnist("download").test_labels, read_mnist().test_labels)
        assert time.monotonic() - began > 2 * download.PATIENCE
    with serving(Fault(after(status(200), drip)), files, tmp_path / "drip") as (_, env):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DataUnavailableError, match=r"nothing came from https://\S+ for 3 s"):
            read_mnist("download")
