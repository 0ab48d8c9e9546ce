"""Rejection: how many digits are refused for 1% of errors on the rest."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

import lecun89
from claimed import figures
from claimed.claim import Claim, Report, markdown, mean_of, one_more
from claimed.training import Cell, Row
from lecun89.analysis.evaluation import outputs
from lecun89.analysis.rejection import (
    PAPER_ERROR,
    PAPER_REJECTED,
    RejectionCurve,
    reject_for,
    rejection_curve,
)
from lecun89.analysis.statistics import summarise
from lecun89.api.digits import load_digits
from lecun89.data.sets import get_data

VARIANTS = ("paper", "base", "modern", "record")
DATA = ("usps", "usps-tune", "1989")
_TUNED = {"usps": "usps-tune", "1989": "1989"}  # which has validation digits of its own
TEST = get_data("usps").test  # as many as of 1989
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
    quick, slow = VARIANTS[:3], VARIANTS[3:]
    parts = (
        (seeds[:RECORD_SEEDS], DATA, quick),
        (seeds[:RECORD_SEEDS], DATA[1:], slow),
        (seeds[RECORD_SEEDS:], DATA, quick),
        (seeds[:RECORD_SEEDS], DATA[:1], slow),
    )
    return [
        Cell(variant, data, seed)
        for some, every, variants in parts
        for seed in some
        for data in every
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


def by_setting(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """The lines of each variant and data, in the order of `VARIANTS` and `DATA`."""
    found = {(variant, data): [] for variant in VARIANTS for data in DATA}
    for row in rows:
        found[row["variant"], row["data"]].append(row)
    return {key: some for key, some in found.items() if some}


def rejected(rows: list[Row], kind: str) -> list[float]:
    """Rejected test digits in percent, of each seed: ``test`` or ``validated``."""
    return [100 * int(row[f"{kind}_rejected"]) / TEST for row in rows]


def errors(rows: list[Row], kind: str) -> list[float]:
    """Error on the accepted test digits in percent, of each seed."""
    return [
        100 * int(row[f"{kind}_accepted_misses"]) / (TEST - int(row[f"{kind}_rejected"]))
        for row in rows
    ]


def _report(rows: list[Row]) -> Report:
    of = by_setting(rows)
    table = []
    for variant in VARIANTS:
        for data in ("usps", "1989"):
            on_test, validated = (of.get((variant, some), []) for some in (data, _TUNED[data]))
            misses = [100 * int(row["test_misses"]) / TEST for row in on_test]
            table.append(
                [
                    *(f"`{variant}`", data, len(on_test)),
                    *(_shown(misses, 2), _shown(rejected(on_test, "test"), 1)),
                    len(validated),
                    _shown(rejected(validated, "validated"), 1),
                    _shown(errors(validated, "validated"), 2),
                ]
            )
    headings = [
        *("variant", "data", "seeds", "test error, %", "threshold of test digits: rejected, %"),
        *("seeds", "threshold of validation digits: rejected, %", "error on the rest, %"),
    ]
    ours, honest = (of["paper", data] for data in ("usps", "usps-tune"))
    rates = rejected(ours, "test")
    low, high = one_more(rates)
    below = sum(rate <= PAPER_REJECTED for rate in rates)
    return Report(
        f"{summarise(rates).mean:.1f}% rejected for 1% of errors, threshold chosen on test digits; "
        f"chosen on validation digits {summarise(rejected(honest, 'validated')).mean:.1f}% with "
        f"{summarise(errors(honest, 'validated')).mean:.1f}% of errors",
        len(rates),
        f"of the mean {mean_of(rates).partition(' ')[2][1:-1]}%; of one more seed {low:.1f} to "
        f"{high:.1f}%",
        "holds" if low <= PAPER_REJECTED <= high else "does not hold",
        f"{markdown(headings, table)}\n\n{below} of {len(rates)} seeds of `paper` on `usps` reject "
        f"no more than the paper's {PAPER_REJECTED}%.",
    )


def _shown(values: list[float], digits: int) -> str:
    return mean_of(values, digits) if values else "not measured"


def _draw(rows: list[Row], docs: Path) -> None:
    curves = {
        key: np.array([row["curve"].split() for row in some], float)
        for key, some in by_setting(rows).items()
    }
    figures.rejection(GRID, curves, docs / "rejection.png")


REJECTION = Claim("rejection", _cells, _report, COLUMNS, measure, _draw)
