"""A fuzzer of every reader, in a process of its own: `python -m tests.faults.fuzzing`.

Files start whole and are edited: bytes, numbers, JSON values, arrays, pickles. Checksums and
digests are made right again about half the time, so that what is behind them is reached. Where
edits are made follows from a few integers that hypothesis draws, so that it can shrink them.

What a reader raises besides the package's errors is a failure, and so are a message of two lines,
more than a second of processor time, more than 256 MiB, and anything that Python's audit hooks
see executed, or written outside of the scratch directory.
"""

import argparse
import bz2
import contextlib
import copy
import gc
import gzip
import io
import json
import lzma
import os
import pickle
import random
import re
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.configuration
import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from safetensors.numpy import save

from lecun89.analysis.scores import Score
from lecun89.bench import check_comparable, compare, read_result
from lecun89.data import idx, labels, rule, usps
from lecun89.data.digits import digits_sha256
from lecun89.data.prepare import _read as read_digits
from lecun89.data.sets import DATA, DataSet
from lecun89.exceptions import Lecun89Error
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import load_weights
from lecun89.settings import Settings
from lecun89.storage import tensorfile
from lecun89.storage.files import sealed
from lecun89.storage.outputdir import _read_marker
from lecun89.sweeps import grid as grids
from lecun89.sweeps.grid import expand_all, read_grids
from lecun89.teachers import Recipe
from lecun89.teachers.member import load_member, train_member
from lecun89.training.loop import PassResult
from lecun89.training.runs import create_run, open_run
from lecun89.variants import get_variant

MOST_SECONDS = 1.0
MOST_BYTES = 256 << 20
CHUNK = 5_000  # hypothesis remembers what it drew, so that its memory grows with a chunk
ROOT = Path(__file__).parent.parent.parent

Random = random.Random

WORDS = [
    *(b"-1", b"0", b"1", b"10", b"255", b"65536", b"2147483648", b"4294967295", b"4294967296"),
    *(b"9223372036854775807", b"18446744073709551616", b"9" * 400, b"9" * 5000, b"1e308", b"1e400"),
    *(b"-1e400", b"1e-400", b"nan", b"NaN", b"-inf", b"Infinity", b"1_0", b"0x10", b"0.1.2"),
    *(b"\xd9\xa3", b'"7"', b"null", b"true", b"[]", b"{}", b"''", b'"', b"\\u0000", b"\\ud800"),
    *(b"\x1b[2J", b"\x00", b"\xff\xfe", b"\xe2\x80\xae", b"\r", b"\n", b"\n\n", b" ", b"\t", b":"),
    *(b"[" * 400, b"[" * 5000, b'{"a":' * 900, b"[" * 200 + b"]" * 200, b"a." * 500, b"x" * 9000),
]
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 7, 2**31, 2**32, 2**63, 2**64, 10**400, -(10**400)),
    *(0.0, -0.0, 0.5, 1e308, 1e-320, float("inf"), float("-inf"), float("nan")),
    *("", "0", "base", "modern", "microvit", "full", "usps", "1989", "x" * 5000, "\x1b[31m", "\n"),
    *("\ud800", "\u202e", "a/../../b", "../x", "base+shift=1", "record+elastic=1e999", "[red]"),
    *([], {}, [[]], [1, "a", None], {"a": {}}, {"": 1}, ["0..9999"] * 20, "0..9999", "0"),
]


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


VALUES += [nested(20), nested(300)]


def edit_bytes(rng: Random, content: bytes) -> bytes:
    size = len(content)
    at, length = rng.randrange(size + 1), min(rng.choice((1, 1, 2, 4, 8, 30, 300)), size)
    match rng.randrange(10):
        case 0:
            return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        case 1:
            if at == size:
                return content[:-1]
            return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        case 2:
            return content[:at]
        case 3:
            return content[:at] + content[at + length :]
        case 4:
            return content[:at] + rng.randbytes(length) + content[at:]
        case 5:
            times = rng.choice((1, 1, 1, 2, 100))
            return content[:at] + content[at : at + length] * times + content[at:]
        case 6:
            other = rng.randrange(size + 1)
            return content[:at] + content[other : other + length] + content[at + length :]
        case 7:
            form = rng.choice((">I", "<I", ">Q", "<Q", "<H"))
            most = 256 ** struct.calcsize(form)
            value = rng.choice((0, 1, most - 1, most // 2, most // 4, size, size - 1, 2**16 - 1))
            packed = struct.pack(form, value % most)
            return content[:at] + packed + content[at + len(packed) :]
        case 8:
            found = list(re.finditer(rb"-?[0-9]+(?:\.[0-9]+)?", content[:20_000]))
            if not found:
                return content + rng.choice(WORDS)
            number = rng.choice(found)
            return content[: number.start()] + rng.choice(WORDS) + content[number.end() :]
        case _:
            return content[:at] + rng.choice(WORDS) + content[at:]


def edit_json(rng: Random, document: Any) -> Any:
    """A copy in which one place is another value, is gone, doubled, or named otherwise."""
    document = copy.deepcopy(document)
    places: list[tuple[Any, Any]] = []
    stack = [document] if isinstance(document, dict | list) else []
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                stack.append(node[key])
    if not places:
        return rng.choice(VALUES)
    node, key = rng.choice(places)
    match rng.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[str(rng.choice(VALUES))] = node.pop(key)
        case 1 if len(places) < 500:
            node += [node[key]] * rng.choice((1, 2, 100))
        case 2 if len(places) < 5000:
            other, its = rng.choice(places)
            node[key] = copy.deepcopy(other[its])
        case _:
            node[key] = copy.deepcopy(rng.choice(VALUES))
    return document


def edit_arrays(rng: Random, arrays: dict[str, Any]) -> dict[str, Any]:
    arrays = dict(arrays)
    name = rng.choice(sorted(arrays)) if arrays else "images"
    array = arrays.get(name, np.zeros(3, np.float32))
    match rng.randrange(8):
        case 0:
            arrays.pop(name, None)
        case 1:
            kinds = ("f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "c8")
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                arrays[name] = array.astype(rng.choice(kinds))
        case 2:
            arrays[name] = array.ravel()
        case 3:
            arrays[name] = array[None]
        case 4:
            arrays[name] = array[: rng.randrange(3)] if array.ndim else array[None]
        case 5:
            arrays[rng.choice(("", "x" * 300, "\x1b[0m", "labels", "optimizer.x.y", "a.b"))] = array
        case 6:
            changed = array.copy()
            if changed.size:
                value = rng.choice((0, 1, -1, 127, 255, float("nan"), float("inf"), 1e30))
                with np.errstate(all="ignore"):
                    changed.flat[rng.randrange(changed.size)] = np.float64(value).astype(
                        array.dtype
                    )
            arrays[name] = changed
        case _:
            arrays[name] = np.zeros((0, *array.shape), array.dtype)
    return arrays


class TensorFile:
    """A file of `storage.tensorfile`: edits to its parts, its outer header, or its bytes."""

    def __init__(self, kind: str, path: Path) -> None:
        self.content, self.kind = path.read_bytes(), kind
        self.arrays, self.header = tensorfile.read(path, kind, limit=1 << 30)

    def make(self, rng: Random, edits: int, repair: bool) -> bytes:
        content, way = self.content, rng.randrange(3)
        if repair or way == 0:
            arrays, header = self.arrays, self.header
            for _ in range(edits):
                if rng.random() < 0.4:
                    arrays = edit_arrays(rng, arrays)
                else:
                    header = edit_json(rng, header)
            if isinstance(header, dict):
                return self._saved(arrays, header)
        elif way == 1:
            size = int.from_bytes(content[:8], "little")
            outer = json.loads(content[8 : 8 + size])
            for _ in range(edits):
                outer = edit_json(rng, outer)
            text = json.dumps(outer).encode()
            return len(text).to_bytes(8, "little") + text + content[8 + size :]
        for _ in range(edits):
            content = edit_bytes(rng, content)
        return content

    def _saved(self, arrays: dict[str, Any], header: dict[str, Any]) -> bytes:
        header.pop("digest", None)
        header["digest"] = tensorfile._digest(arrays, header)
        try:
            return save(arrays, metadata={"lecun89": json.dumps(header)})
        except Exception:  # names that Rust does not take, types that the format has not
            return self.content


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda content: gzip.compress(content, 1, mtime=0),
    ".bz2": lambda content: bz2.compress(content, 1),
    ".xz": lambda content: lzma.compress(content, preset=0),
}


def edited(rng: Random, content: bytes, edits: int) -> bytes:
    for _ in range(edits):
        content = edit_bytes(rng, content)
    return content


class Readers:
    """Makes a file for each reader and reads it as the package does."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        rng = np.random.default_rng(0)
        self._images = struct.pack(">4I", 2051, 2, 28, 28) + rng.bytes(2 * 784)
        self._labels = struct.pack(">2I", 2049, 5) + bytes([7, 0, 9, 3, 1])
        values = rng.uniform(-1, 1, (3, 256))
        self._zip = b"".join(
            b"%.4f " % (row % 10) + b" ".join(b"%.4f" % value for value in line) + b" \n"
            for row, line in enumerate(values)
        )
        self._svm = b"".join(
            b"%d " % (row + 1) + b" ".join(b"%d:%.4g" % (i + 1, v) for i, v in enumerate(line))
            + b" \n"
            for row, line in enumerate(values)
        )  # fmt: skip
        self._make_digits(rng)
        self._make_run(rng)
        self._make_labels()
        self._make_member()
        self._make_pickles()
        document = (ROOT / "benchmarks/results/bench_cpu.json").read_text(encoding="utf-8")
        self._bench = json.loads(document)
        self._marker = ["a", "digits/00001-1-as-2.png", "b.csv"]

    def _put(self, name: str, content: bytes) -> Path:
        path = self.scratch / name
        path.write_bytes(content)
        return path

    def idx(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        of_images, suffix = rng.random() < 0.5, rng.choice(("", ".gz", ".xz"))
        content = self._images if of_images else self._labels
        path = self._put(f"idx{suffix}", self._packed(rng, content, suffix, edits, repair))
        return lambda: (idx.read_images if of_images else idx.read_labels)(path)

    def _packed(self, rng: Random, content: bytes, suffix: str, edits: int, repair: bool) -> bytes:
        if repair:  # of the checksums
            return PACKED[suffix](edited(rng, content, edits))
        return edited(rng, PACKED[suffix](content), edits)

    def zip_train(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        suffix = rng.choice(("", "", ".gz"))
        content = self._packed(rng, self._zip, suffix, edits, repair)
        path = self._put(f"zip.train{suffix}", content)
        return lambda: usps.read_zip(path, 3)

    def libsvm(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        suffix = rng.choice(("", "", ".bz2"))
        content = self._packed(rng, self._svm, suffix, edits, repair)
        path = self._put(f"usps{suffix}", content)
        return lambda: usps.read_libsvm(path, 3)

    def _make_digits(self, rng: np.random.Generator) -> None:
        data = DataSet("tiny", "mnist", 3, 2, 2, {})
        index = rule.source_index(data, "test")
        images = rng.uniform(-1, 1, (2, 16, 16)).astype(np.float32)
        numbers = np.array([3, 9], np.uint8)
        data.sha256["test"] = digits_sha256(images, numbers)
        path = self.scratch / "tiny" / "test.safetensors"
        path.parent.mkdir()
        header = {"data": "tiny", "split": "test", "total": 2, "rule": rule.RULE, "source": "path"}
        arrays = {"images": images, "labels": numbers, "source_index": index}
        tensorfile.write(path, "digits", arrays, header)
        self._tiny, self._digits = data, TensorFile("digits", path)

    def manifest(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        self._put("tiny/test.safetensors", self._digits.make(rng, edits, repair))

        def read() -> None:
            digits = read_digits(self._tiny, "test", self.scratch)
            assert digits.source_index.tolist() == rule.source_index(self._tiny, "test").tolist()

        return read

    def tensors(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        path = self._put("t.safetensors", self._digits.make(rng, edits, repair))
        return lambda: tensorfile.read(path, "digits", limit=1 << 20)

    def _make_run(self, rng: np.random.Generator) -> None:
        settings = Settings(
            variant="base", data="1989", seed=1, passes=2, lr=0.03, batch_size=1, device="cpu",
            engine="native", threads=1,
        )  # fmt: skip
        shapes = PARAMETER_SHAPES
        state = {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}
        sha256 = {split: DATA["1989"].sha256[split] for split in ("train", "test")}
        machine = {"cpu": "some", "cores": 2, "torch": "2"}
        run = create_run(self.scratch / "runs", settings, sha256, machine, state)
        score = Score(0.1, 20, 2007)
        run.save_pass([PassResult(i, 0.03, 1.0, score, score) for i in (1, 2)], state)
        self._run = run.path
        names = ("config.json", "metrics.jsonl", "state.safetensors", "weights.safetensors")
        self._run_files = {name: (run.path / name).read_bytes() for name in names}
        self._state = TensorFile("training state", run.path / "state.safetensors")
        self._run_weights = TensorFile("weights", run.path / "weights.safetensors")

    def run(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        name = rng.choice(("config.json", "config.json", "metrics.jsonl", "state.safetensors"))
        content = self._run_files[name]
        if name == "state.safetensors":
            content = self._state.make(rng, edits, repair)
        elif not repair:
            content = edited(rng, content, edits)
        elif name == "config.json":
            document = json.loads(content)
            for _ in range(edits):
                document = edit_json(rng, document)
            if isinstance(document, dict):
                document.pop("digest", None)
                try:
                    content = sealed(document).encode()
                except ValueError:  # not JSON's numbers
                    document["schema_version"] = 1  # which has no digest
                    content = json.dumps(document).encode()
        else:
            lines = [json.loads(line) for line in content.splitlines()]
            for _ in range(edits):
                lines = edit_json(rng, lines)
            content = b"".join(
                json.dumps(line).encode() + b"\n" for line in lines
            ) if isinstance(lines, list) else b"7"  # fmt: skip
            # Its digest is in the state.
            header = {k: v for k, v in self._state.header.items() if k != "metrics_sha256"}
            state = self._state._saved(self._state.arrays, header)
            self._put(f"{self._run.relative_to(self.scratch)}/state.safetensors", state)
        (self._run / name).write_bytes(content)

        def read() -> None:
            try:
                found = open_run(self._run)
                found.load_state()
                for result in found.read_metrics():
                    _ = (result.test.error_percent, result.train.interval95)
            finally:
                for whole in {name, "state.safetensors"}:
                    (self._run / whole).write_bytes(self._run_files[whole])

        return read

    def weights(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        path = self._put("w.safetensors", self._run_weights.make(rng, edits, repair))
        return lambda: load_weights(path)

    def _make_labels(self) -> None:
        self._pupil = get_variant("record+teacher=yes").on("1989")
        logits = np.zeros((1, DATA["1989"].train, 10), np.float16)
        made = labels.make_labels(99, self._pupil.distortions, logits)
        path = labels.write_labels(made, "1989", self.scratch)
        self._soft_path, self._soft = path, TensorFile("teacher's labels", path)

    def labels(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        self._soft_path.write_bytes(self._soft.make(rng, edits, repair))
        return lambda: labels.read_labels("1989", self._pupil, self.scratch)

    def _make_member(self) -> None:
        from lecun89.data import load

        digits = load("1989", "test", self.scratch / "data")
        few = copy.copy(digits)
        for name in ("images", "labels", "source_index"):
            object.__setattr__(few, name, getattr(digits, name)[:64])
        self._recipe, self._few = Recipe(members=1, width=1, passes=2, variations=1), few
        self._member_path = self.scratch / "tiny" / "teacher-1.safetensors"
        steps = train_member(self._recipe, few, 1, self._member_path, "cpu")
        next(steps)
        self._begun = TensorFile("teacher", self._member_path)
        next(steps)
        self._member = TensorFile("teacher", self._member_path)

    def member(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        begun = rng.random() < 0.5
        file = self._begun if begun else self._member
        self._member_path.write_bytes(file.make(rng, edits, repair))

        def go_on() -> None:
            import lecun89.teachers.member as module

            network = module.make_teacher(1)
            optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
            header = module._header(self._recipe, 1, self._few.sha256)
            module._restore(self._member_path, header, network, optimizer, self._recipe.passes)

        whole = (self._recipe, self._few.sha256, 1, self._member_path)
        return go_on if begun else lambda: load_member(*whole)

    def _make_pickles(self) -> None:
        state = {name: torch.zeros(shape) for name, shape in PARAMETER_SHAPES.items()}
        odd: list[Any] = [
            state,
            OrderedDict(state),
            {**state, "outb": torch.zeros(10, dtype=torch.bfloat16)},
            {**state, "outb": torch.zeros(10).to_sparse()},
            {**state, "outb": torch.zeros(1).expand(10**9)},
            {**state, "outb": torch.nn.Parameter(torch.zeros(10))},
            {**state, "outb": torch.zeros(10, device="meta")},
            {"H1w": state["H1w"]},
            {"loss": np.float64(0.5), "net": {f"module.{k}": v for k, v in state.items()}},
            {"a": {"model": {name: tensor.half() for name, tensor in state.items()}}, "b": {1, 2}},
            [torch.zeros(2)],
        ]
        self._pickles = []
        for value in odd:
            for as_zip in (True, False):
                made = io.BytesIO()
                torch.save(value, made, _use_new_zipfile_serialization=as_zip)
                self._pickles.append(made.getvalue())
        by_name = {name: tensor.numpy() for name, tensor in state.items()}
        for write in (np.savez, np.savez_compressed):
            made = io.BytesIO()
            write(made, **by_name)
            self._pickles.append(made.getvalue())
        self._pickles.append(save(by_name))
        for value in ({"a": os.system}, print, {"a": bytearray(9)}, 7, {"H1w": "text"}):
            self._pickles += [pickle.dumps(value, protocol) for protocol in (0, 2, 4)]

    def torch_save(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        content = rng.choice(self._pickles)
        if repair and content[:2] == b"PK":  # its checksums
            made = io.BytesIO()
            packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            with (
                zipfile.ZipFile(io.BytesIO(content)) as archive,
                zipfile.ZipFile(made, "w", packing) as changed,
            ):
                for entry in archive.infolist():
                    data = archive.read(entry)
                    if "data.pkl" in entry.filename or rng.random() < 0.05:
                        data = edited(rng, data, edits)
                    changed.writestr(entry.filename, data)
            content = made.getvalue()
        else:
            content = edited(rng, content, edits)
        path = self._put(rng.choice(("m.pt", "m.safetensors", "m")), content)
        return lambda: load_weights(path, "base")

    def toml(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        if repair:
            grid = {"variant": ["base", "xent"], "seeds": "0..2", "lr": [0.1, 0.2], "passes": 1}
            for _ in range(edits):
                grid = edit_json(rng, grid)
            lines = grid.items() if isinstance(grid, dict) else ()
            text = "".join(f"{_key(k)} = {_toml(v)}\n" for k, v in lines)
            content = text.encode("utf-8", "replace")
        else:
            text = b'data = "1989"\n[[grid]]\nvariant = ["base", "xent"]\nseeds = "0..2"\n'
            content = edited(rng, text + b"lr = [0.03, 1e-1]\n[[grid]]\npasses = 3\n", edits)
        path = self._put("grid.toml", content)
        return lambda: expand_all(read_grids(path))

    def bench(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        document = self._bench
        if repair:
            for _ in range(edits):
                document = edit_json(rng, document)
            content = json.dumps(document).encode()
        else:
            content = edited(rng, json.dumps(document).encode(), edits)
        path = self._put("bench.json", content)

        def read() -> None:
            then = read_result(path)
            for one in compare(self._bench, then):
                json.dumps(vars(one), allow_nan=False)
            check_comparable(self._bench, then)

        return read

    def marker(self, rng: Random, edits: int, repair: bool) -> Callable[[], object]:
        document: Any = self._marker
        if repair:
            for _ in range(edits):
                document = edit_json(rng, document) if isinstance(document, list) else document
            content = json.dumps(document).encode()
        else:
            content = edited(rng, json.dumps(document).encode(), edits)
        path = self._put(".lecun89-plot.json", content)
        return lambda: _read_marker(path)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z-]+", key) else json.dumps(key)


def _toml(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("NaN", "nan").replace("Infinity", "inf").replace("null", '"null"')


SHARES = {  # of all inputs, in percent: as many as a reader's price allows
    "idx": 14,
    "zip_train": 13,
    "libsvm": 13,
    "tensors": 13,
    "manifest": 13,
    "run": 9,
    "weights": 5,
    "torch_save": 5,
    "toml": 5,
    "bench": 4,
    "marker": 3,
    "labels": 2,
    "member": 1,
}


class Watch:
    """What Python's audit hooks see while a reader works."""

    def __init__(self, scratch: Path) -> None:
        self.armed = False
        self.seen: list[str] = []
        self._scratch = str(scratch)
        self._own = tuple({sys.prefix, sys.base_prefix, str(ROOT / "src"), "<frozen "})
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        bad = False
        if event in ("exec", "compile"):
            name = getattr(args[0], "co_filename", None) if event == "exec" else args[1]
            bad = not str(name).startswith(self._own)
        elif event == "open":
            writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            bad = bool((args[2] or 0) & writes) and not self._inside(args[0])
        elif event.startswith(("shutil.", "tempfile.")) or event in (
            *("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink"),
            *("os.truncate", "os.chmod", "os.chown", "os.utime"),
        ):
            bad = not self._inside(args[0])
        elif event.startswith(("socket.", "subprocess.", "ctypes.", "pty.")) or event in (
            *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"),
            *("pickle.find_class", "os.putenv", "os.kill"),
        ):
            bad = True
        if bad:
            self.seen.append(f"{event} {args!r}"[:300])

    def _inside(self, path: object) -> bool:
        return isinstance(path, int) or os.fsdecode(path).startswith(self._scratch)  # type: ignore[arg-type]


class ReaderError(AssertionError):
    """What a reader must not do."""


class Fuzzer:
    """Reads edited files and keeps the figures."""

    def __init__(self, scratch: Path) -> None:
        self.readers, self.watch = Readers(scratch), Watch(scratch)
        self.counts: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.slowest = (0.0, "")
        self.most = (0, "")

    def one(self, name: str, seed: int, edits: int, repair: bool) -> None:
        """One file."""
        rng = random.Random(seed)
        self.watch.seen.clear()
        try:
            read = getattr(self.readers, name)(rng, edits, repair)
        except (MemoryError, RecursionError):  # ours, not the reader's
            return
        before = _begin_peak()
        began = time.process_time()
        self.watch.armed = True
        try:
            read()
            self.read[name] += 1
        except Lecun89Error as error:
            if len(str(error).splitlines()) != 1:
                raise ReaderError(f"not one line: {str(error)[:300]!r}") from error
        except BaseException as error:
            raise ReaderError(f"{type(error).__name__}: {str(error)[:300]}") from error
        finally:
            self.watch.armed = False
        seconds = time.process_time() - began
        self.counts[name] += 1
        this = f"{name} {seed} {edits} {repair}"
        self.slowest = max(self.slowest, (seconds, this))
        self.most = max(self.most, (_status("VmHWM") - before, this))
        if seconds > MOST_SECONDS:
            raise ReaderError(f"it took {seconds:.1f} s")
        if self.watch.seen:
            raise ReaderError("; ".join(self.watch.seen[:3]))

    def chunk(self, name: str, seed: int, examples: int) -> None:
        """Examples of hypothesis for one reader.

        Raises:
            ReaderError: of the smallest file found, with what makes it in its notes.
        """

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
        )
        @given(st.integers(0, 2**40), st.integers(0, 5), st.booleans())
        def run(drawn: int, edits: int, repair: bool) -> None:
            self.one(name, drawn, edits, repair)

        run()


def _status(name: str) -> int:
    """Of this process, in bytes; 0 where there is no /proc."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]


def main() -> None:
    """Fuzz, and print figures and failures as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--readers", default=",".join(SHARES))
    given_args = parser.parse_args()
    torch.set_num_threads(1)
    grids.MOST_CELLS = 10_000  # the 100,000 that may be asked for take two seconds
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as directory:
        hypothesis.configuration.set_hypothesis_home_dir(Path(directory) / "hypothesis")
        print(json.dumps(fuzz(Path(directory), given_args)))


def fuzz(scratch: Path, asked: argparse.Namespace) -> dict[str, Any]:
    fuzzer = Fuzzer(scratch)
    names = asked.readers.split(",")
    failures = []
    draws = random.Random(asked.seed)
    repr(torch.zeros(1))  # PyTorch imports more for it, and shows tensors in its errors
    for name in names:  # what is imported late, and caches
        for number in range(30):
            with contextlib.suppress(ReaderError):
                fuzzer.one(name, draws.randrange(2**40), number % 6, number % 2 == 0)
    fuzzer.counts.clear()
    fuzzer.read.clear()
    fuzzer.slowest, fuzzer.most = (0.0, ""), (0, "")
    _limit_memory()
    for name in names:
        left = round(asked.inputs * SHARES[name] / sum(SHARES[name] for name in names))
        while left > 0:
            examples = min(left, CHUNK)
            seed = draws.randrange(2**32)
            # Readers are not charged with the garbage collector's ways through our own objects.
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            try:
                fuzzer.chunk(name, seed, examples)
            except ReaderError as error:
                notes = " ".join(getattr(error, "__notes__", ()))
                inner = traceback.format_exception(error.__cause__)[-12:] if error.__cause__ else []
                failures.append(f"{name}: {error} {' '.join(notes.split())} {''.join(inner)}")
                break
            left -= examples
    return {
        "seed": asked.seed,
        "counts": fuzzer.counts,
        "accepted": fuzzer.read,
        "slowest": fuzzer.slowest,
        "most": fuzzer.most,
        "failures": failures,
    }


def _begin_peak() -> int:
    """Forget the peak of memory, which may be that of making a file; what is used now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_bytes(b"5")
    except OSError:  # then only what goes beyond it can be seen
        return _status("VmHWM")
    return _status("VmRSS")


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    used = _status("VmSize")
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))


if __name__ == "__main__":
    main()
