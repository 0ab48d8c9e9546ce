"""A run that is extended ends at the bits of one that had all the passes from the start."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lecun89.training.runs import Run, open_run
from tests.conftest import QUICKEST, Result

TRAININGS = {
    "base": ("--variant", "base", "--batch-size", 64, "--engine", QUICKEST),
    "base, eager": ("--variant", "base", "--batch-size", 2048, "--engine", "eager"),
    "every generator and moment, native": (
        *("--variant", "modern+lr-decay=1.0", "--batch-size", 96, "--engine", QUICKEST),
    ),
    "every generator and moment, eager": (
        *("--variant", "modern+lr-decay=1.0", "--batch-size", 2048, "--engine", "eager"),
    ),
    "graph": ("--variant", "xent", "--batch-size", "full", "--engine", "graph"),
}


def same(found: Run, right: Run) -> None:
    assert found.weights_path().read_bytes() == right.weights_path().read_bytes()
    for one, other in zip(found.read_metrics(), right.read_metrics(), strict=True):
        assert (one.number, one.lr, one.train, one.test) == (
            *(other.number, other.lr, other.train, other.test),
        )
    (arrays, position), (expected, whole) = found.load_state(), right.load_state()
    assert position == whole
    assert arrays.keys() == expected.keys()
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


@pytest.mark.parametrize("name", TRAININGS)
def test_an_extended_run_is_one_of_all_the_passes(cli: Callable[..., Result], name: str) -> None:
    def train(*args: object) -> Run:
        result = cli("train", *args, "-q")
        assert result.exit_code == 0, result.stderr
        return open_run(Path(result.stdout.splitlines()[-1]))

    whole = train(*TRAININGS[name], "--passes", 3, "--runs-dir", "whole")
    run = train(*TRAININGS[name], "--passes", 1)
    for passes in (2, 2, 3):
        run = train("--resume", run.path, "--passes", passes)
        assert run.settings.passes == passes == len(run.read_metrics())
    same(run, whole)
    config = json.loads((run.path / "config.json").read_text())
    assert [(one["pass"], one["from"], one["to"]) for one in config["changes"]] == [
        (1, {"passes": 1}, {"passes": 2}),
        (2, {"passes": 2}, {"passes": 3}),
    ]
    assert config["settings"]["passes"] == {"value": 3, "origin": "flag"}
