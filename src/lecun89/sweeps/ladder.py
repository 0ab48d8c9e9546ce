"""The ladder over seeds: each rung's error with its interval, and whether it is a step at all."""

from dataclasses import dataclass
from typing import Literal

from lecun89.analysis.literature import REPORTED, Reported
from lecun89.analysis.statistics import Summary, paired_p, summarise
from lecun89.training.loop import PassResult
from lecun89.variants import VARIANTS

LADDER = ("base", "xent", "adamw", "shift", "modern", "modern-h3", "record")
"""The rungs, from 1989 to 2022 (modern-h3 is another place of dropout), and the least error."""

LEVEL = 0.05

assert set(LADDER) <= VARIANTS.keys()


@dataclass(frozen=True)
class Rung:
    """A variant on some data, over seeds.

    Attributes:
        variant: its name.
        data: name of the data.
        seeds: the seeds, in order.
        results: last pass of each.
        seconds: of training, of each.
    """

    variant: str
    data: str
    seeds: tuple[int, ...]
    results: tuple[PassResult, ...]
    seconds: tuple[float, ...]

    @property
    def misses(self) -> Summary:
        """Test misses."""
        return summarise([result.test.misses for result in self.results])

    @property
    def error(self) -> Summary:
        """Test error in percent."""
        return summarise([result.test.error_percent for result in self.results])

    @property
    def reports(self) -> tuple[Reported, ...]:
        """What the paper, the blog and the notebook have."""
        return REPORTED.get((self.variant, self.data), ())


@dataclass(frozen=True)
class McNemar:
    """One seed's networks on the same digits.

    Attributes:
        fixed: digits that the rung before missed and this one reads.
        broken: the other way round.
        p_value: of McNemar's exact test.
    """

    fixed: int
    broken: int
    p_value: float


@dataclass(frozen=True)
class Step:
    """From a rung to the next, on the same seeds.

    Attributes:
        difference: mean test error less that of the rung before, in percent.
        interval95: Student's interval of it, paired by seed; None for one seed.
        p_value: of the paired t-test, two-sided; None for one seed.
        mcnemar: of the first seed; None where its networks were not at hand.
    """

    difference: float
    interval95: tuple[float, float] | None
    p_value: float | None
    mcnemar: McNemar | None

    @property
    def verdict(self) -> Literal["better", "worse", "not distinguishable"]:
        """By the paired test at 5%; with one seed, by McNemar's."""
        p = self.p_value
        if p is None:
            p = 1.0 if self.mcnemar is None else self.mcnemar.p_value
        if p >= LEVEL or self.difference == 0:
            return "not distinguishable"
        return "better" if self.difference < 0 else "worse"


def compare_rungs(before: Rung, after: Rung, mcnemar: McNemar | None = None) -> Step:
    """The step between two rungs, on the seeds that both have.

    Args:
        before: a rung.
        after: another on the same data, with at least one of its seeds.
        mcnemar: of the first seed.
    """
    misses = {
        seed: result.test.misses for seed, result in zip(before.seeds, before.results, strict=True)
    }
    # In whole misses, so that equal differences are equal.
    differences = [
        result.test.misses - misses[seed]
        for seed, result in zip(after.seeds, after.results, strict=True)
        if seed in misses
    ]
    percent = 100 / after.results[0].test.total
    summary = summarise(differences)
    interval = summary.interval95
    return Step(
        summary.mean * percent,
        None if interval is None else (interval[0] * percent, interval[1] * percent),
        paired_p(differences),
        mcnemar,
    )
