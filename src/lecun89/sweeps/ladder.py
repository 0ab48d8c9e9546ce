"""The ladder over seeds: each rung's error with its interval, and whether it is a step at all."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lecun89.analysis.literature import LITERATURE, Report
from lecun89.analysis.statistics import Summary, paired_p, summarise
from lecun89.data import Digits, load, read_labels
from lecun89.exceptions import DataUnavailableError
from lecun89.settings import Settings
from lecun89.sweeps.grid import expand
from lecun89.sweeps.sweep import Finished, Sweep
from lecun89.training.loop import PassResult
from lecun89.training.runs import Run
from lecun89.variants import VARIANTS, get_variant

LADDER = ("base", "xent", "adamw", "shift", "modern", "modern-h3", "record")
"""The rungs, from 1989 to 2022 (modern-h3 is another place of dropout), and the least error."""

LEVEL = 0.05

_log = logging.getLogger(__name__)

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
    def reports(self) -> tuple[Report, ...]:
        """What the paper, the blog and the notebook have."""
        return LITERATURE.get((self.variant, self.data), ())


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


def ladder_cells(
    variants: Iterable[str],
    sets: Iterable[str],
    seeds: str,
    base: Mapping[str, str] | None = None,
) -> list[Settings]:
    """The trainings of a ladder.

    Args:
        variants: the rungs.
        sets: names of the data.
        seeds: as `lecun89.parsing.parse_seeds` reads them.
        base: as of `lecun89.sweeps.expand`.
    """
    names = list(variants)
    return [
        cell
        for data in sets
        for cell in expand({"variant": names, "data": [data], "seeds": [seeds]}, base)
    ]


def without_untaught(cells: Sequence[Settings], directory: Path) -> list[Settings]:
    """The trainings but for those that wait for the labels of a teacher, of which a warning tells.

    Args:
        cells: of the ladder.
        directory: the data directory.
    """
    untaught = set()
    for variant, data in dict.fromkeys((cell.variant, cell.data) for cell in cells):
        trained = get_variant(variant).on(data)
        try:
            if trained.teacher:
                read_labels(data, trained, directory)
        except DataUnavailableError as error:
            _log.warning("the rung %s on %s is left out: %s", variant, data, error)
            untaught.add((variant, data))
    return [cell for cell in cells if (cell.variant, cell.data) not in untaught]


def climb(sweep: Sweep, data: str, directory: Path) -> list[tuple[Rung, Step | None]]:
    """The rungs of a finished ladder on some data, each with the step from the one before.

    Args:
        sweep: its trainings.
        data: name of the data.
        directory: the data directory.
    """
    rungs: dict[str, list[Finished]] = {}
    for cell in sweep.cells:
        if cell.data == data:
            rungs.setdefault(cell.variant, []).append(sweep.finished[cell])
    digits = load(data, "test", directory)
    steps: list[tuple[Rung, Step | None]] = []
    for variant, of in rungs.items():
        rung = Rung(
            variant,
            data,
            tuple(one.run.settings.seed for one in of),
            tuple(one.results[-1] for one in of),
            tuple(sum(result.seconds for result in one.results) for one in of),
        )
        step = None
        if steps:
            before = steps[-1][0]
            mcnemar = _mcnemar(rungs[before.variant][0].run, of[0].run, digits)
            step = compare_rungs(before, rung, mcnemar)
        steps.append((rung, step))
    return steps


def _mcnemar(before: Run, after: Run, digits: Digits) -> McNemar:
    from lecun89.analysis.misses import compare, find_misses  # which imports PyTorch
    from lecun89.network.modules import network_of

    networks = [network_of(run.read_weights()) for run in (before, after)]
    compared = compare(*(find_misses(network, digits) for network in networks))
    return McNemar(len(compared.fixed), len(compared.broken), compared.p_value)
