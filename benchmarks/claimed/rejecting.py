"""Rejection: how many digits are refused for 1% of errors on the rest."""

from collections.abc import Iterable
from pathlib import Path

import lecun89
import numpy as np
import torch
from claimed.claim import Claim, Report
from claimed.training import Cell, Row
from lecun89.analysis.evaluation import outputs
from lecun89.analysis.rejection import PAPER_ERROR, RejectionCurve, reject_for, rejection_curve
from lecun89.api.digits import load_digits

VARIANTS = ("paper", "base", "modern", "record")
DATA = ("usps", "usps-tune", "1989")
RECORD_SEEDS = 10  # of 1,000 passes each

GRID = np.linspace(0, 40, 81)
"""Rejected digits in percent, at which each curve is kept."""

COLUMNS = (
    *("test_rejected", "test_accepted_misses"),
    *("validation_threshold", "validated_rejected", "validated_accepted_misses", "curve"),
)
"""Test digits rejected and misses among the others, with a threshold that was chosen on test
digits and with one that was chosen on validation digits; test errors at `GRID` in percent."""


def _cells(seeds: Iterable[int]) -> list[Cell]:
    seeds = [*seeds]
    return [
        Cell(variant, data, seed)
        for variants in (VARIANTS[:3], VARIANTS[3:])
        for seed in (seeds[:RECORD_SEEDS] if "record" in variants else seeds)
        for data in DATA
        for variant in variants
    ]


def measure(result: lecun89.Result, data_dir: Path) -> dict[str, object]:
    """The columns of a network."""
    data = result.settings.data
    splits = load_digits(data.removesuffix("-tune"), data_dir=data_dir)
    test = _curve(result, splits.test)
    on_test = reject_for(test, PAPER_ERROR)
    found: dict[str, object] = {
        "test_rejected": on_test.rejected,
        "test_accepted_misses": on_test.misses,
        "curve": " ".join(f"{error:.3f}" for error in errors_at(test)),
    }
    if data == "usps":  # its validation digits are among those it was trained on
        return found
    threshold = reject_for(_curve(result, splits.validation), PAPER_ERROR).threshold
    rejected, misses = apply(test, threshold)
    return found | {
        "validation_threshold": threshold,
        "validated_rejected": rejected,
        "validated_accepted_misses": misses,
    }


def _curve(result: lecun89.Result, digits: lecun89.Digits) -> RejectionCurve:
    made = outputs(result.network, torch.tensor(digits.images[:, None])).numpy()
    return rejection_curve(made, digits.labels)


def errors_at(curve: RejectionCurve) -> list[float]:
    """Error on the accepted, in percent, when at most `GRID` percent are rejected."""
    least = np.ceil(curve.total * (1 - GRID / 100))
    return [float(error) for error in curve.errors_percent[np.searchsorted(curve.accepted, least)]]


def apply(curve: RejectionCurve, threshold: float | None) -> tuple[int, int]:
    """Digits rejected and misses among the others, for margins of at least that threshold."""
    there = curve.thresholds >= (np.inf if threshold is None else threshold)
    if not there.any():
        return curve.total, 0
    last = np.flatnonzero(there)[-1]
    return curve.total - int(curve.accepted[last]), int(curve.misses[last])


def _report(rows: list[Row]) -> Report:
    raise NotImplementedError


REJECTION = Claim("rejection", _cells, _report, COLUMNS, measure)
