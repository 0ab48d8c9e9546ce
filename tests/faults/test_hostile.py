"""Hostile files, links and names: one of each, handed to the commands as a user would."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from lecun89.data import idx, load, make_labels, prepared_state, usps, write_labels
from lecun89.exceptions import (
    DataFormatError,
    DataUnavailableError,
    FileFormatError,
    UsageError,
    printable,
)
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import load_weights
from lecun89.storage import tensorfile
from lecun89.storage.files import sealed
from lecun89.storage.outputdir import refuse_links, write_files
from lecun89.sweeps.grid import expand
from lecun89.variants import get_variant
from tests.conftest import Result

Cli = Callable[..., Result]

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has these")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """A run of one step a pass, which ended."""
    runs = tmp_path_factory.mktemp("trained")
    words = ["train", "--batch-size", "full", "--passes", "1", "--device", "cpu", "-q"]
    words += ["--engine", "eager", "--runs-dir", str(runs), "--data-dir", str(data_dir)]
    from lecun89.cli import app

    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return next(runs.iterdir())


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be spoilt."""
    return Path(shutil.copytree(trained, tmp_path / "runs" / "run"))


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory that no command was told of: it must be the same in the end."""
    directory = tmp_path / "outside"
    (directory / "folder").mkdir(parents=True)
    (directory / "precious").write_text("precious")
    (directory / "folder" / "kept").write_text("kept")
    before = snapshot(directory)
    yield directory
    assert snapshot(directory) == before


def snapshot(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in directory.rglob("*")
    }


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """Nothing may wait for a pipe, or work for long."""
    if os.name == "nt":
        yield
        return

    def end(signum: int, frame: FrameType | None) -> None:
        pytest.fail("it took more than 60 s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refused(result: Result, exit_code: int, message: str = "") -> None:
    """In one line, not as a bug of ours."""
    assert result.exit_code == exit_code, result.stderr
    assert message in result.error
    assert "internal error" not in result.error
    assert is_harmless(result.stderr)


def is_harmless(text: str) -> bool:
    """Whether a terminal does no more with it than show it."""
    return all(char in "\n\r" or not unicodedata.category(char).startswith("C") for char in text)


# Pickles


class Executes:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def state_dict() -> dict[str, Any]:
    return {name: torch.zeros(shape) for name, shape in PARAMETER_SHAPES.items()}


def pickles() -> dict[str, bytes]:
    made = {f"protocol {number}": pickle.dumps(Executes(), number) for number in range(6)}
    made["os.system"] = b"cos\nsystem\n(S'touch executed'\ntR."
    for name, as_zip in (("zip", True), ("legacy", False)):
        content = io.BytesIO()
        torch.save(
            {**state_dict(), "more": Executes()}, content, _use_new_zipfile_serialization=as_zip
        )
        made[name] = content.getvalue()
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), script)
    made["script"] = script.getvalue()
    return made


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_no_pickle_is_executed_by_whatever_name(cli: Cli, run: Path) -> None:
    for content in pickles().values():
        for name in ("model.pt", "model.safetensors", "model"):
            Path(name).write_bytes(content)
            refused(cli("eval", name, "--variant", "base"), 1)
        for name in ("weights.safetensors", "state.safetensors", "config.json"):
            whole = (run / name).read_bytes()
            (run / name).write_bytes(content)
            words = ("eval",) if name.startswith("weights") else ("train", "--resume")
            refused(cli(*words, run), 1, name)
            (run / name).write_bytes(whole)
    assert not Path("executed").exists()


def test_long_names_in_pickles_do_not_take_long() -> None:
    # Torch seeks words in its own messages in a time that grows with the square of their length.
    name = b"x" * 200_000
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02c" + name + b"\nf\n.")
        archive.writestr("archive/version", b"3\n")
    began = time.process_time()
    for packed in (content.getvalue(), b"\x80\x02c" + name + b"\nf\n."):
        Path("model.pt").write_bytes(packed)
        with pytest.raises(FileFormatError):
            load_weights(Path("model.pt"), "base")
    assert time.process_time() - began < 1


def archived(pickle: bytes) -> bytes:
    """As torch.save would, with 40 bytes to lie in."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/data/0", bytes(40))
        archive.writestr("archive/version", b"3\n")
    return content.getvalue()


def pickled(*parts: bytes) -> bytes:
    return b"".join((b"\x80\x02", *parts, b"."))


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


_SHARE = b"q\0h\0\x86" * 40  # a pair of it and itself, over and over: 2^40 of them
_HUGE = b"\x8a\5\0\0\0\0\x10"  # 2^36
_PLACE = (text("storage"), b"ctorch\nFloatStorage\n", text("0"), text("cpu"), _HUGE)
_TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((",
    *_PLACE,
    b"tQK\0",
    _HUGE,
    b"\x85K\1\x85\x89NtR",
)
_ENTRIES = [part for number in range(9999) for part in (text(f"{number}"), b"h\0")]
PICKLES = {
    "a key to be hashed for ever": pickled(b"})", _SHARE, b"Ns"),
    "a set to be hashed for ever": pickled(b"cbuiltins\nset\n](", b")", _SHARE, b"e\x85R"),
    "a call to be shown for ever": pickled(b")", _SHARE, b")R"),
    "an array of 64 GiB": pickled(b"cbuiltins\nbytearray\n", _HUGE, b"\x85R"),
    "a tensor of 256 GiB": pickled(b"ctorch\nFloatTensor\n", _HUGE, b"\x85R"),
    "a storage of 256 GiB": pickled(b"}", text("outb"), *_TENSOR, b"s"),
    "a dictionary that is in itself": pickled(b"}q\0", text("a"), b"h\0s"),
    "a dictionary that is in itself 9999 times": pickled(b"}q\0(", *_ENTRIES, b"u"),
    "lists in lists": pickled(b"]" * 60_000, b"a" * 59_999),
    "lists without end": pickled(b"]" * 100_000)[:-1],
}


@linux
def test_small_pickles_take_neither_time_nor_memory() -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, hostile in PICKLES.items():
        Path("model.pt").write_bytes(archived(hostile))
        began = time.process_time()
        with pytest.raises(FileFormatError):
            load_weights(Path("model.pt"), "base")
        assert time.process_time() - began < 20, name  # they took minutes, or for ever
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # of KiB


# Bombs


def measured(*args: object) -> tuple[Result, int]:
    """A command in a process, and the most memory that it had, in bytes."""
    code = (
        "import re, sys; from pathlib import Path; from lecun89.cli.app import main\n"
        "try: main()\n"
        "finally: Path('peak').write_text(re.search(r'VmHWM:\\s+(\\d+)', "
        "Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False
    )
    peak = int(Path("peak").read_text()) * 1024
    return Result(done.returncode, done.stdout, done.stderr), peak


@linux
@pytest.mark.parametrize("kind", ["gzip of USPS", "bzip2 of USPS", "gzip of MNIST"])
def test_a_bomb_of_gigabytes_is_not_unpacked(kind: str, figure: Callable[[str], None]) -> None:
    zeros = bytes(64 << 20)
    source = Path("source")
    source.mkdir()
    if kind == "gzip of USPS":
        packed, names = gzip.compress(zeros, 1) * 64, ("zip.train.gz", "zip.test.gz")
    elif kind == "bzip2 of USPS":
        packed, names = bz2.compress(zeros) * 64, ("usps.bz2", "usps.t.bz2")
    else:
        start = struct.pack(">4I", 2051, 60_000, 28, 28)
        packed = gzip.compress(start) + gzip.compress(zeros, 1) * 64
        names = tuple(
            f"{of}-{what}-ubyte.gz"
            for of in ("train", "t10k")
            for what in ("images-idx3", "labels-idx1")
        )
    for name in names:
        (source / name).write_bytes(packed)
    data = "usps" if "USPS" in kind else "1989"
    result, peak = measured("prepare", "--data", data, "--source", source, "--data-dir", "here")
    refused(result, 4)
    figure(f"4 GiB as {kind}: {peak >> 20} MiB")
    assert peak < (512 if data == "1989" else 256) << 20  # four files of 47 MB at a time
    assert not Path("here").exists()


def test_bombs_of_lzma_neither_unpack_nor_ask_for_memory(tmp_path: Path) -> None:
    path = tmp_path / "images.xz"
    start = struct.pack(">4I", 2051, 1, 28, 28)
    path.write_bytes(lzma.compress(start + bytes(128 << 20), preset=0))
    with pytest.raises(DataFormatError, match="bytes after its end"):
        idx.read_images(path)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    # A small file whose header asks for a dictionary of a gigabyte.
    content = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=[{**filters[0], "dict_size": 1 << 20}])
    packed = bytearray(content.compress(start + bytes(784)) + content.flush())
    place = packed.index(b"\x21\x01")  # the filter, the size of its properties, the dictionary
    packed[place + 2] = 36
    header_size = (packed[12] + 1) * 4
    crc = zlib_crc(bytes(packed[12 : 12 + header_size - 4]))
    packed[12 + header_size - 4 : 12 + header_size] = crc
    path.write_bytes(packed)
    with pytest.raises(DataFormatError, match="[Mm]emory"):
        idx.read_images(path)


def zlib_crc(content: bytes) -> bytes:
    import zlib

    return zlib.crc32(content).to_bytes(4, "little")


def test_bombs_in_archives_of_torch_are_refused(cli: Cli) -> None:
    content = io.BytesIO()
    torch.save(state_dict(), content)
    for way in ("deflated", "declared", "hidden", "many"):
        made = io.BytesIO()
        with (
            zipfile.ZipFile(content) as archive,
            zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bomb,
        ):
            for entry in archive.infolist():
                big = way == "deflated" and entry.filename.endswith("data/0")
                data = bytes(256 << 20) if big else archive.read(entry)
                bomb.writestr(entry.filename, data)
            for number in range(5000 if way == "many" else 0):
                bomb.writestr(f"{number}", b"", zipfile.ZIP_STORED)
        packed = bytearray(made.getvalue())
        directory = packed.index(b"PK\x01\x02")
        if way == "declared":  # a size of 4 GB in the directory
            packed[directory + 24 : directory + 28] = b"\xff\xff\xff\xfe"
        if way == "hidden":  # one reader finds the directory by its place, another by its end
            end = packed.rindex(b"PK\x05\x06")
            packed[end + 16 : end + 20] = (0).to_bytes(4, "little")
        Path("model.pt").write_bytes(packed)
        began = time.process_time()
        refused(cli("eval", "model.pt", "--variant", "base"), 1, "model.pt")
        assert time.process_time() - began < 2


def safetensors(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + data


def ours(tensors: dict[str, Any], **header: Any) -> dict[str, Any]:
    known = {"kind": "weights", "format_version": 1, "digest": "0"} | header
    return {"__metadata__": {"lecun89": json.dumps(known)}, **tensors}


HEADERS = {
    "a length of 2^62": safetensors({}, size=2**62),
    "a length of 2^64 - 1": safetensors({}, size=2**64 - 1),
    "a mebibyte of lists": safetensors(b"[" * (1 << 20)),
    "a mebibyte of objects": safetensors(b'{"a":' * 200_000),
    "nested in the document": safetensors({"__metadata__": {"lecun89": "[" * 100_000}}),
    "ten thousand tensors": safetensors(
        ours({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(9999)})
    ),
    "overlapping": safetensors(
        ours(
            {
                name: {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}
                for name in PARAMETER_SHAPES
            }
        ),
        bytes(8),
    ),
    "huge dimensions": safetensors(
        ours({"H1w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}), bytes(4)
    ),
    "huge empty dimensions": safetensors(
        ours({"H1w": {"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]}})
    ),
    "a format of the future": safetensors(ours({}, format_version=10**300)),
    "a kind of a mebibyte": safetensors(ours({}, kind="x" * 900_000)),
    "another alphabet": safetensors("\ud800\u202e"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_hostile_header_is_refused(cli: Cli, run: Path, name: str) -> None:
    Path("w.safetensors").write_bytes(HEADERS[name])
    (run / "state.safetensors").write_bytes(HEADERS[name])
    began = time.process_time()
    for args in (("eval", "w.safetensors"), ("train", "--resume", run)):
        result = cli(*args)
        refused(result, 1)
        assert len(result.error) < 1000
    assert time.process_time() - began < 2


def test_hostile_grids_and_results_are_refused(cli: Cli) -> None:
    Path("g.toml").write_text("a" + ".a" * 500_000 + "=1")
    refused(cli("sweep", "g.toml"), 1, "larger than")
    many = ", ".join(['"0..9999"'] * 5000)
    Path("g.toml").write_text(f"seeds = [{many}]")
    refused(cli("sweep", "g.toml"), 2, "more than 100,000 cells")
    Path("g.toml").write_text("[[grid]]\nseeds='0..999'\n" * 20)
    began = time.process_time()
    result = cli("sweep", "g.toml", "--dry-run")
    assert (result.exit_code, time.process_time() - began < 3) == (0, True)  # they are the same
    with pytest.raises(UsageError, match="more than 100,000 cells"):
        expand({"lr": [str(i + 1) for i in range(1000)], "seeds": ["0..999"]})
    for content in ("[" * 99_999, "[]", '{"rows": 1e999}', "7" * 2**21, "\x00"):
        Path("r.json").write_text(content)
        refused(cli("bench", "--quick", "--compare", "r.json"), 1)


def test_hostile_text_of_digits_is_refused_at_once(tmp_path: Path) -> None:
    for read, name, content in (
        (usps.read_zip, "zip.train", b"1 " * 16_000_000),
        (usps.read_zip, "zip.train", b"1" * 32_000_000),
        (usps.read_libsvm, "usps", b"1:1 " * 8_000_000),
        (usps.read_libsvm, "usps", b"\n" * 32_000_000),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        began = time.process_time()
        with pytest.raises(DataFormatError):
            read(path, 1)
        assert time.process_time() - began < 1


# What is no file


@pytest.fixture
def odd_files(tmp_path: Path) -> dict[str, Path]:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    paths = [tmp_path / name for name in ("fifo", "directory", "loop", "dangling")]
    paths += [Path("/dev/zero"), Path("/dev/tty"), Path("/proc/self/environ"), Path("/proc/kmsg")]
    return {str(path): path for path in paths}


@posix
def test_what_is_no_file_is_refused_without_waiting(cli: Cli, odd_files: dict[str, Path]) -> None:
    for path in odd_files.values():
        if path.name == "kmsg":
            continue  # which waits, for those who may read it
        refused(cli("eval", path), 1)
        refused(cli("sweep", path), 1)
        refused(cli("bench", "--quick", "--compare", path), 1)
        refused(cli("read", path), 1)
        for read in (idx.read_images, idx.read_labels):
            with pytest.raises(DataUnavailableError):
                read(path)
        for read_text in (usps.read_zip, usps.read_libsvm):
            with pytest.raises(DataUnavailableError):
                read_text(path, 1)


@posix
def test_what_is_no_file_in_a_run_is_refused_without_waiting(
    cli: Cli, run: Path, odd_files: dict[str, Path]
) -> None:
    commands = {
        "config.json": ("eval",),
        "weights.safetensors": ("eval",),
        "state.safetensors": ("train", "--resume"),
        "metrics.jsonl": ("train", "--resume"),
    }
    for name, words in commands.items():
        whole = (run / name).read_bytes()
        for path in odd_files.values():
            if path.name == "kmsg":
                continue
            (run / name).unlink()
            (run / name).symlink_to(path)
            refused(cli(*words, run), 1)
        (run / name).unlink()
        (run / name).write_bytes(whole)
    (run / "config.json").unlink()
    os.mkfifo(run / "config.json")
    refused(cli("eval"), 1, "no run in runs")


@posix
def test_what_is_no_file_among_the_digits_is_refused(cli: Cli, run: Path, data_dir: Path) -> None:
    source = Path("source")
    source.mkdir()
    for name in ("zip.train", "zip.test"):
        os.mkfifo(source / name)
    refused(cli("prepare", "--data", "usps", "--source", source), 4, "no USPS digits")
    os.mkfifo(source / "train-images-idx3-ubyte")
    words = ("prepare", "--source", source, "--data-dir", "empty")
    refused(cli(*words), 4, "no train-images-idx3-ubyte")
    path = Path(shutil.copytree(data_dir / "1989", "data/1989")) / "test.safetensors"
    path.unlink()
    os.mkfifo(path)
    refused(cli("eval", run, "--data-dir", "data"), 4, "cannot write the digits")
    assert path.is_fifo()
    path.unlink()
    path.mkdir()
    refused(cli("eval", run, "--data-dir", "data"), 4, "cannot write the digits")


def test_places_that_a_prepared_file_forges_are_noticed(tmp_path: Path, data_dir: Path) -> None:
    target = tmp_path / "1989" / "test.safetensors"
    shutil.copytree(data_dir / "1989", target.parent)
    arrays, header = tensorfile.read(target, "digits", limit=1 << 30)
    header = {key: value for key, value in header.items() if key not in ("kind", "format_version")}
    right = arrays["source_index"]
    for changes in (
        {"source_index": np.full_like(right, 10**9)},
        {"source_index": -right},
        {"source_index": right.astype(np.int64)},
        {"images": arrays["images"].astype(np.float64)},
        {"source_index": np.ascontiguousarray(right[::-1])},
    ):
        tensorfile.write(target, "digits", arrays | changes, header)
        assert prepared_state("1989", tmp_path) == "incomplete or damaged"
    assert np.array_equal(load("1989", "test", tmp_path).source_index, right)


# Links


@posix
def test_nothing_is_written_through_a_link_in_a_run(cli: Cli, run: Path, outside: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("tensorboard")
    places = {
        "errors-test": (outside, ("errors", run, "--no-terminal", "--force")),
        "errors-test/digits": (outside, ("errors", run, "--individual", "--force")),
        "errors-diff-test": (outside / "new", ("errors", run, "--diff", "record", "--force")),
        "plots": (run / "plots", ("plot", run, "--force")),
        "plots-overlay": (outside / "folder", ("plot", run, run, "--force")),
        "tensorboard": (outside, ("train", "--resume", run, "--tensorboard")),
    }
    for name, (target, args) in places.items():
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).symlink_to(target)
        refused(cli(*args), 2, f"{name} is a symbolic link, nothing is written through it")
        (run / name).unlink()


@posix
def test_links_to_files_in_a_run_are_read_and_replaced_but_not_written(
    cli: Cli, run: Path, outside: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    kept = tmp_path / "kept"
    shutil.copytree(run, kept)
    before = snapshot(kept)
    for name in ("config.json", "state.safetensors", "metrics.jsonl", "weights.safetensors"):
        (run / name).unlink()
        (run / name).symlink_to(kept / name)
    for args in (("eval", run), ("train", "--resume", run, "-q"), ("eval", run, "--plot")):
        assert cli(*args).exit_code == 0, args
    for name in (".lecun89-eval.json", "rejection-test.png"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(outside / "precious")
    refused(cli("eval", run, "--plot"), 2, "rejection-test.png is there already")
    assert snapshot(kept) == before
    (run / ".lock").unlink(missing_ok=True)
    (run / ".lock").symlink_to(outside / "precious")
    refused(cli("train", "--resume", run), 1)


@posix
def test_nothing_is_written_through_a_link_in_the_data_directory(
    cli: Cli, outside: Path, tmp_path: Path, run: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for target in (outside, outside / "new", data / "1989"):
        (data / "1989").symlink_to(target)
        for args in (("prepare",), ("eval", run)):
            refused(cli(*args, "--data-dir", data), 4, "1989 is a symbolic link")
        (data / "1989").unlink()
    for name, target in (
        ("test", outside / "precious"),
        ("train", outside / "new"),
        ("validation", data / "1989" / "validation.safetensors"),
    ):
        (data / "1989").mkdir(exist_ok=True)
        (data / "1989" / f"{name}.safetensors").symlink_to(target)
    refused(cli("prepare", "--data-dir", data), 4, "cannot write the digits")
    for path in (data / "1989").iterdir():
        assert path.is_symlink()
        path.unlink()
    assert cli("prepare", "--data-dir", data).exit_code == 0
    # The directory itself is what the user named, and what is read may be anywhere.
    (tmp_path / "named").symlink_to(data)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1989").symlink_to(data / "1989")
    for directory in ("named", "other"):
        assert cli("eval", run, "--data-dir", directory).exit_code == 0
    pupil = get_variant("record+teacher=yes").on("usps")
    soft = make_labels(1, pupil.distortions, np.zeros((1, 7291, 10), np.float16))
    (data / "usps").symlink_to(outside)
    with pytest.raises(DataUnavailableError, match="usps is a symbolic link"):
        write_labels(soft, "usps", data)


@posix
def test_links_below_a_named_directory_are_refused(tmp_path: Path, outside: Path) -> None:
    named = tmp_path / "named"
    named.symlink_to(outside)
    refuse_links(named / "a" / "b", named)
    (tmp_path / "d").symlink_to(outside)
    with pytest.raises(UsageError, match="d is a symbolic link"):
        refuse_links(tmp_path / "d" / "a", tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "digits").symlink_to(outside)
    with pytest.raises(UsageError, match="digits is a symbolic link"):
        write_files(tmp_path / "out", "errors", {"digits/a": Path.touch}, force=True)
    os.mkfifo(tmp_path / "out" / ".lecun89-errors.json")
    with pytest.raises(UsageError, match="is a pipe, which is not replaced"):
        write_files(tmp_path / "out", "errors", {"a": Path.touch})
    assert not (tmp_path / "out" / "a").exists()


# Names

NAMES = {
    "newline": "new\nline",
    "escape": "esc\x1b[31mred\x1b]0;title\x07",
    "bidi": "rtl\u202egnp.exe",
    "separator": "line\u2028separator\x85\x9b2J",
    "markup": "[red]x[red][link=x][bold]",
    "quotes": "quo'te\" `$(x)` $HOME \\",
    "spaces": "  spaces  ",
    "long": "n" * 255,
    "wide": "\U0001f600" * 63,
    "dash": "-dash",
    "bytes": os.fsdecode(b"bytes\xff\xfe"),
}


@posix
@pytest.mark.parametrize("kind", NAMES)
def test_odd_names_work_and_reach_no_terminal(cli: Cli, run: Path, kind: str) -> None:
    name = NAMES[kind]
    try:
        odd = run.rename(run.parent / name)
        Path("out").mkdir()
    except OSError:
        pytest.skip("the file system has no such names")
    shutil.copy(odd / "weights.safetensors", Path(name))
    results = [
        cli("eval", "--", name),
        cli("export", odd, "--out", Path("out") / name),
        cli("train", "--resume", odd, "-v"),
    ]
    Image.new("L", (60, 40), 255).save(Path("out") / name, format="PNG")
    results += [
        cli("read", Path("out") / name, "-v"),
        cli("read", *[Path("out") / name] * 2, "--out", "seen"),
    ]
    assert len(list(Path("seen").glob("*.png"))) == 4
    if kind in ("newline", "bytes"):
        results += [
            cli("errors", odd, "--diff", "record", "--out", Path("out") / f"{name[:99]}d"),
            cli("plot", odd, odd, "--out", Path("out") / f"{name[:99]}p"),
        ]
    for result in results:
        assert result.exit_code == 0, result.stderr
        assert is_harmless(result.stderr)
    (odd / "weights.safetensors").write_bytes(b"damaged")
    refused(cli("eval", odd), 1)
    (odd / "config.json").write_bytes(b"damaged")
    refused(cli("eval", "--runs-dir", odd.parent), 1)
    refused(cli("eval", odd / name), 1)
    refused(cli("train", "--variant", f"x{name}"), 2)
    refused(cli("prepare", "--source", odd / "x", "--data-dir", odd), 4)
    document = cli("export", "record", "--out", f"o{name[:99]}", "--json").document
    assert document["files"] == [f"o{name[:99]}"]


@posix
def test_scripts_get_the_exact_path_and_terminals_a_harmless_one(run: Path, data_dir: Path) -> None:
    pytest.importorskip("matplotlib")
    name = os.fsdecode(b"esc\x1b[31m\n\xff\xe2\x80\xae")
    try:
        odd = run.rename(run.parent / name)
    except OSError:
        pytest.skip("the file system has no such names")
    code = (
        "import sys; from lecun89.cli.app import main\n"
        "for words in {0!r}:\n"
        "    sys.argv[1:] = words\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, words"
    )
    shutil.copytree(data_dir, f"{name}.data")
    export = ["export", str(odd), "--force", "--out", name]
    prepare = ["prepare", "--data-dir", f"{name}.data"]
    diff = ["errors", str(odd), "--diff", "record"]
    script = code.format([export, diff, prepare])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    lines = done.stdout
    assert lines.startswith(os.fsencode(name) + b"\n")
    assert os.fsencode(odd / "errors-diff-test") + b"\n" in lines
    assert b"\x1b" not in done.stderr
    shown = in_terminal([sys.executable, "-c", code.format([export, prepare])])
    assert b"esc?[31m??" in shown
    assert is_harmless(shown.decode())


def in_terminal(words: list[str]) -> bytes:
    """All that a command prints to a terminal that knows no colours."""
    import pty

    parent, child = pty.openpty()
    with subprocess.Popen(
        words, stdin=child, stdout=child, stderr=child, env=os.environ | {"TERM": "dumb"}
    ) as process:
        os.close(child)
        shown = b""
        while True:
            try:
                more = os.read(parent, 1 << 16)
            except OSError:  # how Linux says that nobody has the terminal any more
                break
            if not more:
                break
            shown += more
    os.close(parent)
    assert process.returncode == 0, shown
    return shown


# What files say

ESCAPES = "\x1b[2J\x1b]0;title\x07\u202e\x9b31m\r\n"


def test_what_a_manifest_says_is_shown_without_escapes(cli: Cli, run: Path) -> None:
    document = json.loads((run / "config.json").read_text(encoding="utf-8"))
    whole = json.dumps(document)
    document.pop("digest", None)
    document["machine"] = dict.fromkeys(document["machine"], ESCAPES)
    for entry in document["settings"].values():
        entry["origin"] = ESCAPES
    (run / "config.json").write_text(sealed(document), encoding="utf-8")
    results = [cli("train", "--resume", run, "-v"), cli("eval", run, "-v")]
    assert [result.exit_code for result in results] == [0, 0], results[0].stderr
    assert "the run was started with" in results[0].stderr
    for result in results:
        assert is_harmless(result.stderr)
        assert is_harmless(result.stdout)
    for key in ("variant", "data", "device", "engine"):
        changed = json.loads(whole)
        changed.pop("digest", None)
        changed["settings"][key]["value"] = ESCAPES
        (run / "config.json").write_text(sealed(changed), encoding="utf-8")
        refused(cli("eval", run), 1)
    weights, header = tensorfile.read(run / "weights.safetensors", "weights", limit=1 << 20)
    for key in ("variant", "data", "data_sha256", "kind", "format_version"):
        forged = {**header, key: ESCAPES}
        kind = forged.pop("kind")
        version = forged.pop("format_version")
        forged.pop("digest", None)
        path = Path("w.safetensors")
        tensorfile.write(path, kind, weights, {**forged, "format_version": version})
        result = cli("eval", path)
        assert is_harmless(result.stderr)
        assert is_harmless(result.stdout)
        if key != "data_sha256":  # of other digits, of which it warns
            refused(result, 1)


def test_only_what_can_be_shown_is_printable() -> None:
    assert printable("a\x1b[0m\n\x9b\u202e\udcff\u2028b é 字 😀") == "a?[0m?????b é 字 😀"
    assert printable(Path("a b")) == "a b"
