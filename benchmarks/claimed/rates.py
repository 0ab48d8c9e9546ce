"""Second-order: is its learning rate easier to choose, and is it faster, than plain SGD's?"""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from claimed.claim import Claim, Report, Verdict, markdown, mean_of
from claimed.training import Cell, Row
from lecun89.analysis.statistics import summarise
from lecun89.data.sets import get_data

SGD = "base+squash=scaled+init=literal+output-bias=0+half=yes"
"""`paper` but for the optimizer."""

CENTRES = {"paper": 5e-4, SGD: 0.03}
"""The middle of each optimizer's rates, which go over a factor of 100."""

NAMES = ("SDLM", "SGD")

STEPS = 12

TEST = get_data("usps").test


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


NEAR = 1.1
"""Times the best mean error, up to which a rate works."""

RELIABLE, TREMENDOUS = 10.0, 2.0
"""The width from which a rate needs no extensive choice, and the speed that is tremendous."""

FAILED = 0.1
"""Test error above which a seed has not converged."""

PAPER_MISSES, SIX_PERCENT = 102, 120
"""Test misses at 5.0% as the paper counts it, and at 6%, which most seeds reach."""


@dataclass(frozen=True)
class Rate:
    """What a learning rate comes to.

    Attributes:
        lr: the rate.
        misses: on the test digits at the end, of each seed; all of them where it diverged.
        by_pass: test misses after each pass, of each seed.
    """

    lr: float
    misses: tuple[int, ...]
    by_pass: tuple[tuple[int, ...], ...]

    @property
    def failed(self) -> int:
        """Seeds that have not converged."""
        return sum(misses > FAILED * TEST for misses in self.misses)

    def passes_to(self, misses: int) -> list[float]:
        """Passes until no more misses, of each seed; infinite where it does not come to that."""
        return [
            next((i for i, after in enumerate(seed, 1) if after <= misses), math.inf)
            for seed in self.by_pass
        ]


def by_rate(rows: list[Row], variant: str) -> list[Rate]:
    """The rates of a variant, rising, with the seeds that all of them have."""
    found: dict[float, dict[int, Row]] = {}
    for row in rows:
        if row["variant"] == variant:
            found.setdefault(float(row["lr"]), {})[int(row["seed"])] = row
    seeds = sorted(set.intersection(*map(set, found.values())))
    return [
        Rate(
            lr,
            tuple(int(of[seed]["test_misses"] or TEST) for seed in seeds),
            tuple(tuple(map(int, of[seed]["by_pass"].split())) for seed in seeds),
        )
        for lr, of in sorted(found.items())
    ]


def working(of: list[Rate]) -> list[Rate]:
    """The rates that work: neighbours of the best one up to the first that does not.

    A rate works when every seed converges and the mean error is at most `NEAR` times the best.
    """
    means = [summarise(one.misses).mean for one in of]
    works = [
        not one.failed and mean <= NEAR * min(means) for one, mean in zip(of, means, strict=True)
    ]
    low = high = means.index(min(means))
    while low > 0 and works[low - 1]:
        low -= 1
    while high + 1 < len(of) and works[high + 1]:
        high += 1
    return of[low : high + 1] if works[low] else []


def width(of: list[Rate]) -> float:
    """The highest rate that works in units of the lowest; 0 where none does."""
    range_ = working(of)
    return range_[-1].lr / range_[0].lr if range_ else 0.0


def part(of: list[Rate], number: int, parts: int = 3) -> list[Rate]:
    """The rates with every so manieth of their seeds, to see how much a width is left to chance."""
    return [Rate(one.lr, one.misses[number::parts], one.by_pass[number::parts]) for one in of]


def _cells_of(one: Rate, works: bool) -> list[str]:
    mean = mean_of([100 * misses / TEST for misses in one.misses], 2)
    reached = [passes for passes in one.passes_to(PAPER_MISSES) if math.isfinite(passes)]
    return [
        f"{one.lr:g}",
        f"**{mean}**" if works else mean,
        str(one.failed),
        _pass(statistics.median(one.passes_to(SIX_PERCENT))),
        f"{_pass(statistics.median(reached))} ({len(reached)})" if reached else "never",
    ]


def _pass(number: float) -> str:
    return f"{number:g}" if math.isfinite(number) else "never"


def _report(rows: list[Row]) -> Report:
    of = {name: by_rate(rows, variant) for name, variant in zip(NAMES, CENTRES, strict=True)}
    table, lines, fastest, widths = [], [], {}, {}
    for name, rates_ in of.items():
        range_ = working(rates_)
        table += [[name, *_cells_of(one, one in range_)] for one in rates_]
        best = min(rates_, key=lambda one: sum(one.misses))
        quick = min(rates_, key=lambda one: statistics.median(one.passes_to(SIX_PERCENT)))
        fastest[name] = statistics.median(quick.passes_to(SIX_PERCENT))
        thirds = ", ".join(f"{width(part(rates_, number)):.1f}" for number in range(3))
        widths[name] = f"{name} {width(rates_):.1f} (by thirds of the seeds {thirds})"
        lines.append(
            f"- {name}: {range_[0].lr:g} to {range_[-1].lr:g} work, a factor of "
            f"{width(rates_):.1f} (by thirds of the seeds {thirds}). Best at {best.lr:g}: "
            f"{mean_of([100 * misses / TEST for misses in best.misses], 2)}%. Quickest at "
            f"{quick.lr:g}: 6% after {_pass(fastest[name])} passes."
        )
    ours, plain = (width(rates_) for rates_ in of.values())
    reliable, alike = ours >= RELIABLE, fastest["SDLM"] > fastest["SGD"] / TREMENDOUS
    verdict: Verdict = ("does not hold", "partly", "holds")[reliable + alike]
    headings = [
        *("optimizer", "rate", "test error, %", "seeds not converged"),
        *("passes to 6%", "passes to 5% (seeds that get there)"),
    ]
    return Report(
        f"rates over a factor of {ours:.1f} work for SDLM, of {plain:.1f} for SGD; 6% after "
        f"{_pass(fastest['SDLM'])} and {_pass(fastest['SGD'])} passes at their quickest rates",
        len(of["SDLM"][0].misses),
        "; ".join(widths.values()),
        verdict,
        f"{markdown(headings, table)}\n\n{len(of['SDLM'][0].misses)} seeds of each.\n\n"
        + "\n".join(lines),
    )


SECOND_ORDER = Claim("second-order", _cells, _report)
