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
def test_everything_for_gpus_on_a_simulated_one() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.fakedevice"),
            *("-m", "(gpu or simulated) and not slow", "-p", "no:cacheprovider", "tests"),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
