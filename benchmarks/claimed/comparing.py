"""Claims that are settled by comparing settings on the same seeds."""

from collections.abc import Iterable

from claimed.claim import Claim, Report
from claimed.rates import SGD
from claimed.training import Cell, Row

WHOLE = SGD.replace("half=yes", "half=no")


def _order_cells(seeds: Iterable[int]) -> list[Cell]:
    variants = ("paper", "paper+shuffle=yes", SGD, f"{SGD}+shuffle=yes")
    return [Cell(variant, "usps", seed, 0.03 if "base" in variant else None)
            for seed in seeds for variant in variants]


def _order_report(rows: list[Row]) -> Report:
    raise NotImplementedError


def _half_cells(seeds: Iterable[int]) -> list[Cell]:
    settings = (
        ("paper", None), ("paper+half=no", None), (SGD, 0.03), (WHOLE, 0.03), (SGD, 0.06),
    )
    return [Cell(variant, "usps", seed, lr) for seed in seeds for variant, lr in settings]


def _half_report(rows: list[Row]) -> Report:
    raise NotImplementedError


CONSTANT_ORDER = Claim("constant-order", _order_cells, _order_report)
HALF = Claim("half", _half_cells, _half_report)
