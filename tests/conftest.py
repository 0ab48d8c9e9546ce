"""Helpers that several tests share."""

import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from lecun89.data import Digits, load, prepare
from lecun89.data.mnist import read_mnist
from lecun89.settings import Settings
from lecun89.variants import VARIANTS

ROOT = Path(__file__).parent.parent
OF_1989 = [name for name, variant in VARIANTS.items() if variant.structure == "1989"]
PATIENCE = 120.0  # seconds until something counts as hanging
QUICKEST = "native" if importlib.util.find_spec("lecun89._native") else "eager"
"""An engine for tests that do not care which."""
GPU = "cuda:0"
"""The device of the tests that need one; tests/fakedevice.py puts its own in place."""
UNDISTORTED = [name for name in OF_1989 if not VARIANTS[name].distorts]

# Before anything uses cuBLAS, which looks but once.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
torch.set_num_threads(1)  # as the command line does; more are slower, on a busy machine by far


@pytest.fixture(scope="session", autouse=True)
def _default_signals() -> None:
    """Start children with default signal handlers, also in a background job or under nohup.

    What is ignored stays ignored in a child; what is handled does not stay handled.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        which = getattr(signal, name, None)
        if which is not None and signal.getsignal(which) == signal.SIG_IGN:
            signal.signal(which, lambda signum, frame: None)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_dir: Path) -> None:
    """Each test in its own directory, with its own runs and a terminal of 100 columns."""
    for name in [name for name in os.environ if name.startswith("LECUN89_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LECUN89_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _unpacked_once() -> Iterator[None]:
    """Unpack the MNIST of this package once, which takes most of a second."""
    module = importlib.import_module("lecun89.data.prepare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read_mnist", functools.cache(read_mnist))
        yield


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with 1989 prepared."""
    directory = tmp_path_factory.mktemp("data")
    prepare("1989", directory)
    return directory


@pytest.fixture(scope="session")
def splits(data_dir: Path) -> dict[str, Digits]:
    """Train and test digits of 1989."""
    return {split: load("1989", split, data_dir) for split in ("train", "test")}


@pytest.fixture(scope="session")
def few(splits: dict[str, Digits]) -> dict[str, Digits]:
    """The first 600 training and 200 test digits of 1989."""
    return {split: first(of, n) for (split, of), n in zip(splits.items(), (600, 200), strict=True)}


def first(digits: Digits, n: int) -> Digits:
    """The first of them."""
    return replace(
        digits,
        images=digits.images[:n],
        labels=digits.labels[:n],
        source_index=digits.source_index[:n],
    )


@pytest.fixture(scope="session")
def reference_loop() -> ModuleType:
    """The module benchmarks/reference_loop.py."""
    return load_benchmark("reference_loop")


def load_benchmark(name: str) -> ModuleType:
    """A file of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Result:
    """What a command left behind."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr

    @property
    def document(self) -> dict[str, Any]:
        """Stdout as one JSON document."""
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one error line; anything else on stderr before it is progress."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.stderr
        assert self.stderr.endswith(lines[0] + "\n")
        assert "Traceback" not in self.stderr
        return lines[0].removeprefix("error: ")


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Run a command in this process."""

    def run(*args: object) -> Result:
        from lecun89.cli import app

        result = CliRunner().invoke(app, [str(arg) for arg in args])
        return Result(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process() -> Callable[..., Result]:
    """Run a command in a process of its own."""

    def run(*args: object, env: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            command(*args),
            capture_output=True,
            text=True,
            env=os.environ | (env or {}),
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def wait_until(condition: Callable[[], Any]) -> Any:
    """Ask again and again until it is true; what it is then."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.005)
    return found


def command(*args: object) -> list[str]:
    """The command line of a process."""
    return [sys.executable, "-m", "lecun89", *map(str, args)]


@pytest.fixture(scope="session")
def base_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> tuple[Path, Result]:
    """One pass of base on 1989, one digit at a time, and what `train` printed."""
    runs = tmp_path_factory.mktemp("base") / "runs"
    env = os.environ | {"LECUN89_DATA_DIR": str(data_dir), "COLUMNS": "100"}
    done = subprocess.run(
        command("train", "--passes", 1, "--runs-dir", runs),
        capture_output=True,
        text=True,
        env=env,
        timeout=PATIENCE,
        check=True,
    )
    return next(runs.iterdir()), Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings with the values that a test does not care about."""

    def make(**changes: Any) -> Settings:
        values: dict[str, Any] = {
            "variant": "base",
            "data": "1989",
            "seed": 1337,
            "passes": 2,
            "lr": 0.03,
            "batch_size": 1,
            "device": "cpu",
            "engine": "eager",
            "threads": 1,
        }
        return Settings(**(values | changes))

    return make
