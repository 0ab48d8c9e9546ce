"""Runs the tests for GPUs on a simulated one, in a process of its own: PyTorch keeps the device."""

import os
import subprocess
import sys

import pytest
import torch

from tests.conftest import ROOT
from tests.fakedevice import OLDEST_TORCH

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])


@pytest.mark.skipif(VERSION < OLDEST_TORCH, reason="PyTorch had no devices written in Python yet")
@pytest.mark.parametrize(
    "tests",
    ["simulated and not slow", pytest.param("gpu or simulated", marks=pytest.mark.slow)],
)
def test_everything_for_gpus_on_a_simulated_one(tests: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.fakedevice", "-m", tests),
            *("-p", "no:cacheprovider", "tests" if "gpu" in tests else "tests/engines"),
        ],
        cwd=ROOT,
        env=os.environ
        | {"PYTEST_ADDOPTS": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
