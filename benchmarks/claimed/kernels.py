"""The kernels of H1: are they derivatives, and off-centre on-surround detectors?"""

from collections.abc import Iterable
from pathlib import Path

import lecun89
from claimed.claim import Claim, Report
from claimed.training import Cell, Row


def _cells(seeds: Iterable[int]) -> list[Cell]:
    return [Cell("paper", "usps", seed) for seed in seeds]


def measure(result: lecun89.Result, data_dir: Path) -> dict[str, object]:
    """Its 12 kernels of 5x5, row by row."""
    return {"kernels": " ".join(f"{value:.4f}" for value in result.state["H1w"].flat)}


def _report(rows: list[Row]) -> Report:
    raise NotImplementedError


KERNELS = Claim("kernels", _cells, _report, ("kernels",), measure)
