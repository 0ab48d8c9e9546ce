"""Packages that are missing or broken: the command that needs one says so, the others go on."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE, Result, command

WAYS = ("absent", "ImportError", "OSError", "RuntimeError")


def one_of_ways(short: str) -> list[Any]:
    """That one in every run, the others when there is time."""
    slow = [pytest.param(way, marks=pytest.mark.slow) for way in WAYS if way != short]
    return [short, *slow]


_BREAKER = """
import importlib.abc, sys
class Breaker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {package!r} or name == {package!r}:
            raise {error}("this {package} is broken")
sys.meta_path.insert(0, Breaker())
"""
_ABSENT = "import sys; sys.modules[{package!r}] = None\n"


@dataclass(frozen=True)
class Package:
    """A package that may be broken.

    Attributes:
        needed_by: a command that needs it.
        code: its exit code then.
        message: part of its error line.
        others: commands that do without.
    """

    name: str
    needed_by: str
    code: int
    message: str
    others: tuple[str, ...]


TRAIN = "train --batch-size full --passes 2"
PACKAGES = (
    Package(
        "torchvision",
        "prepare --source download --data-dir other",
        4,
        "cannot import torchvision, which downloads MNIST",
        ("prepare --data-dir fresh", TRAIN, "eval {run}", "errors {run} --out errors"),
    ),
    Package(
        "matplotlib",
        "plot {run} --out plots",
        1,
        'drawing charts needs the extra "plots": pip install "lecun89[plots]"',
        (TRAIN, "eval {run}", "errors {run} --out errors", "doctor"),
    ),
    Package(
        "matplotlib",
        "ladder --plot ladder.png",
        1,
        'drawing charts needs the extra "plots": pip install "lecun89[plots]"',
        ("explain", "sweep --grid passes=1 --grid batch-size=full --workers 1"),
    ),
    Package(
        "matplotlib",
        "eval {run} --plot",
        1,
        'drawing charts needs the extra "plots": pip install "lecun89[plots]"',
        (),
    ),
    Package(
        "matplotlib",
        f"{TRAIN} --plot",
        1,
        'drawing charts needs the extra "plots": pip install "lecun89[plots]"',
        (),
    ),
    Package(
        "tensorboard",
        f"{TRAIN} --tensorboard",
        1,
        'needs the extra "tensorboard": pip install "lecun89[tensorboard]"',
        (TRAIN, "plot {run} --out plots"),
    ),
    Package(
        "onnx",
        "export {run} --format onnx",
        1,
        'writing ONNX needs the extra "onnx": pip install "lecun89[onnx]"',
        ("export {run} --format torch", "export {run}", "eval {run}"),
    ),
    Package(
        "onnxscript",
        "export {run} --format onnx",
        1,
        'writing ONNX needs the extra "onnx": pip install "lecun89[onnx]"',
        ("export {run} --format torch", "doctor"),
    ),
    Package(
        "distributed",
        "sweep --grid passes=1 --scheduler tcp://127.0.0.1:9",
        1,
        '--scheduler needs the extra "cluster": pip install "lecun89[cluster]"',
        ("sweep --grid passes=1 --grid batch-size=full --workers 1",),
    ),
    Package(
        "dask",
        "ladder --scheduler tcp://127.0.0.1:9",
        1,
        '--scheduler needs the extra "cluster": pip install "lecun89[cluster]"',
        ("variants", "sweep --grid passes=1 --dry-run"),
    ),
    Package(
        "lecun89._native",
        "train --engine native",
        2,
        "the native engine is not available: its kernel ",
        (TRAIN, "eval {run}", "errors {run} --out errors", "doctor"),
    ),
    *(
        Package("torch", line, 1, "cannot import torch: ", others)
        for line, others in (
            ("eval {run}", ("train --passes 1", "variants", "doctor")),
            ("train --engine eager --passes 1", (TRAIN, "prepare --data-dir fresh")),
            ("errors {run} --out errors", ("doctor --json", "train --dry-run")),
            ("export {run}", ("plot {run} --out plots",)),
            (
                "explain",
                (
                    "sweep --grid passes=1 --grid batch-size=full --workers 1",
                    "explain --claims",
                    "explain --then-and-now -q",
                ),
            ),
            ("plot {run} --out plots --digit 3", ()),
            ("bench --quick", ()),
            ("ladder --seeds 0 --variants base", ()),
            ("teach --variant record+teacher=yes --data 1989", ()),
            ("train --device cuda", ("train --resume {run}",)),
        )
    ),
)


def broken(package: str, way: str, directory: Path) -> dict[str, str]:
    """An environment in which a package is broken in one of `WAYS`."""
    directory.mkdir()
    template = _ABSENT if way == "absent" else _BREAKER
    code = template.format(package=package, error=way)
    (directory / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(directory), *sys.path])}


def run_in(directory: Path, line: str, run: Path, env: dict[str, str]) -> Result:
    """A command in a directory of its own."""
    directory.mkdir()
    done = subprocess.run(
        command(*line.replace("{run}", str(run)).split()),
        capture_output=True,
        text=True,
        env=os.environ | env,
        cwd=directory,
        timeout=PATIENCE,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def attack(
    cases: list[tuple[Package, str]], run: Path, directory: Path, figure: Callable[[str], None]
) -> None:
    """Run what needs a broken package, and what does not, two at a time."""
    jobs: list[tuple[Package, str, str, dict[str, str]]] = []
    before: list[Package] = []
    for number, (package, way) in enumerate(cases):
        env = broken(package.name, way, directory / f"broken-{number}")
        # What does not need it does not know how it is broken: once is enough.
        others = package.others if package not in before else ()
        before.append(package)
        jobs += [(package, way, line, env) for line in (package.needed_by, *others)]

    def do(job: tuple[int, tuple[Package, str, str, dict[str, str]]]) -> str | None:
        number, (package, way, line, env) = job
        place = directory / f"at-{number}"
        result = run_in(place, line, run, env)
        what = f"{package.name} {way}: {line}: {result.exit_code} {result.stderr[-400:]!r}"
        if line != package.needed_by:
            calm = "error: " not in result.stderr and "Traceback" not in result.stderr
            return None if result.exit_code == 0 and calm else what
        refused = (
            result.exit_code == package.code
            and package.message in result.error
            and ("kernel" in package.message or way == "absent" or "is broken" in result.error)
            and result.stdout == ""
            and not list(place.iterdir())
        )
        return None if refused else f"{what} left {list(place.iterdir())}"

    with ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(do, enumerate(jobs)) if text]
    figure(f"{len(cases)} broken packages, {len(jobs)} commands, {len(wrong)} not as promised")
    assert not wrong, "\n".join(wrong)


def needs_kernel() -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")


def test_a_broken_package_is_told_by_what_needs_it_alone(
    base_run: tuple[Path, Result], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    needs_kernel()
    cases: list[tuple[Package, str]] = []
    seen: dict[str, int] = {}
    for package in PACKAGES:
        turn = seen[package.name] = seen.get(package.name, len(seen)) + 1
        if package.message not in [before.message for before, _ in cases]:
            short = Package(**(vars(package) | {"others": package.others[:1]}))
            cases.append((short, WAYS[turn % 4]))
    attack(cases, base_run[0], tmp_path, figure)


@pytest.mark.slow
def test_every_package_broken_in_every_way(
    base_run: tuple[Path, Result], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    needs_kernel()
    cases = [(package, way) for package in PACKAGES for way in reversed(WAYS)]
    attack(cases, base_run[0], tmp_path, figure)


@pytest.mark.parametrize("way", one_of_ways("absent"))
def test_with_a_broken_kernel_training_is_eager_and_doctor_says_why(
    way: str, tmp_path: Path
) -> None:
    env = broken("lecun89._native", way, tmp_path / "broken")
    jobs = ("train --batch-size full --passes 1", "doctor --json")
    with ThreadPoolExecutor(2) as pool:
        trained, told = pool.map(
            lambda job: run_in(tmp_path / f"at-{job[0]}", job[1], Path(), env), enumerate(jobs)
        )
    why = "its kernel was not built" if way == "absent" else "its kernel cannot be loaded: this "
    assert trained.exit_code == 0, trained.stderr
    assert f"eager engine (the native engine is absent: {why}" in trained.stderr
    native = next(one for one in told.document["engines"] if one["name"] == "native")
    assert native["available"] is False
    assert native["detail"].startswith(why)


@pytest.mark.parametrize("way", one_of_ways("OSError"))
def test_with_a_broken_torch_doctor_says_what_still_works(way: str, tmp_path: Path) -> None:
    env = broken("torch", way, tmp_path / "broken")
    document = run_in(tmp_path / "at", "doctor --json", Path(), env).document
    engines = {one["name"]: one for one in document["engines"]}
    assert engines["eager"]["available"] is False
    assert engines["eager"]["detail"].startswith("cannot import torch: ")
    devices = {one["name"]: one for one in document["devices"]}
    assert devices["cpu"]["available"] is True
    assert devices["cuda"]["detail"].startswith("cannot import torch: ")
    assert "torch" not in document["machine"]
