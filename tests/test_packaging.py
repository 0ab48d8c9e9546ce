"""What pip builds: with the kernel, and without."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


def build(directory: Path, *arguments: str, env: dict[str, str] | None = None) -> Path:
    """A wheel of this source, unpacked; its directory holds the package."""
    line = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "-w", str(directory)]
    subprocess.run(
        [*line, *arguments], check=True, capture_output=True, env=os.environ | (env or {})
    )
    (wheel,) = directory.glob("*.whl")
    unpacked = directory / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    return wheel


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lecun89", *arguments],
        env=os.environ | {"PYTHONPATH": str(directory / "unpacked")},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", ["switched off", "no compiler"])
def test_without_the_kernel_the_wheel_is_pure_python_and_trains(how: str, tmp_path: Path) -> None:
    if how == "switched off":
        wheel = build(tmp_path, "-C", "wheel.cmake=false")
    else:
        wheel = build(tmp_path, env={"CXX": "/no/such/compiler"})
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not list((tmp_path / "unpacked").rglob("_native.*.so"))
    assert "its kernel was not built" in run(tmp_path, "doctor", "-q").stdout
    trained = run(tmp_path, "train", "--batch-size", "512", "--passes", "1")
    assert "eager engine" in trained.stderr
    plan = run(tmp_path, "train", "--dry-run").stdout
    assert "the native engine is absent" in " ".join(plan.split())


@pytest.mark.slow
def test_with_a_compiler_the_wheel_has_the_kernel(tmp_path: Path) -> None:
    wheel = build(tmp_path)
    compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    assert wheel.name.endswith("-any.whl") == (not compiler)
    if not compiler:
        pytest.skip("no C++ compiler here")
    assert "native engine" in run(tmp_path, "train", "--passes", "1").stderr
