"""What every claim is made of."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claimed.training import Cell, Measure, Row
from lecun89.analysis.statistics import student95, summarise

DATE = "2026-11-28"
"""When the committed results were measured."""

Verdict = Literal["holds", "partly", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class Report:
    """What the results say.

    Attributes:
        ours: in a line, with its numbers.
        seeds: behind the number.
        interval: 95% of the number, in words.
        verdict: on the claim.
        tables: Markdown for docs/science.md.
        date: when it was measured.
    """

    ours: str
    seeds: int
    interval: str
    verdict: Verdict
    tables: str = ""
    date: str = DATE

    @property
    def entry(self) -> dict[str, object]:
        """The claim in claims.json."""
        return {key: value for key, value in vars(self).items() if key != "tables"}


def _nothing(result: object, data_dir: Path) -> dict[str, object]:
    return {}


def _undrawn(rows: list[Row], docs: Path) -> None:
    pass


@dataclass(frozen=True)
class Claim:
    """A claim of the paper and how it is measured.

    Attributes:
        name: of its file of results and its entry.
        cells: what to train for some seeds.
        report: what the results say.
        columns: what `measure` gives.
        measure: what is wanted of each network.
        draw: makes its figure in docs/.
        also: claims whose trainings count here too, where they are the same.
        side_by_side: seeds that the graph engine trains as one.
    """

    name: str
    cells: Callable[[Iterable[int]], list[Cell]]
    report: Callable[[list[Row]], Report]
    columns: tuple[str, ...] = ()
    measure: Measure = _nothing
    draw: Callable[[list[Row], Path], None] = _undrawn
    also: tuple[str, ...] = ()
    side_by_side: int = 10

    def files(self, results: Path) -> list[Path]:
        """Its files of results in a directory, its own first."""
        return [results / f"claims_{name}.csv" for name in (self.name, *self.also)]


def markdown(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table."""
    headings = [*headings]
    cells = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in cells)


def mean_of(values: Sequence[float], digits: int = 1) -> str:
    """The mean with its 95% interval."""
    summary = summarise(values)
    if summary.interval95 is None:
        return f"{summary.mean:.{digits}f}"
    mean, low, high = (f"{value:z.{digits}f}" for value in (summary.mean, *summary.interval95))
    return f"{mean} ({low} to {high})"


def p_of(p: float | None) -> str:
    """A p-value, as a table shows it."""
    return "unknown" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def one_more(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95% interval of one more seed, such as the paper's run."""
    summary, n = summarise(values), len(values)
    half = student95(n - 1) * (summary.deviation or 0.0) * math.sqrt(1 + 1 / n)
    return summary.mean - half, summary.mean + half
