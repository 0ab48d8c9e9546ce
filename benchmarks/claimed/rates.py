"""Second-order: is its learning rate easier to choose, and is it faster, than plain SGD's?"""

from collections.abc import Iterable

from claimed.claim import Claim, Report
from claimed.training import Cell, Row

SGD = "base+squash=scaled+init=literal+output-bias=0+half=yes"
"""`paper` but for the optimizer."""

CENTRES = {"paper": 5e-4, SGD: 0.03}
"""The middle of each optimizer's rates, which go over a factor of 100."""

STEPS = 12


def rates(centre: float) -> list[float]:
    """Rates over a factor of 100, each 1.47 times the one before."""
    return [float(f"{centre * 100 ** (i / STEPS - 0.5):.3g}") for i in range(STEPS + 1)]


def _cells(seeds: Iterable[int]) -> list[Cell]:
    return [
        Cell(variant, "usps", seed, lr)
        for seed in seeds
        for variant, centre in CENTRES.items()
        for lr in rates(centre)
    ]


def _report(rows: list[Row]) -> Report:
    raise NotImplementedError


SECOND_ORDER = Claim("second-order", _cells, _report)
