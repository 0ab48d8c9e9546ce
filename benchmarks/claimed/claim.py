"""What every claim is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claimed.training import Cell, Measure, Row

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
    """

    ours: str
    seeds: int
    interval: str
    verdict: Verdict
    tables: str = ""

    @property
    def entry(self) -> dict[str, object]:
        """The claim in claims.json."""
        values = {key: value for key, value in vars(self).items() if key != "tables"}
        return values | {"date": DATE}


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
        side_by_side: seeds that the graph engine trains as one.
    """

    name: str
    cells: Callable[[Iterable[int]], list[Cell]]
    report: Callable[[list[Row]], Report]
    columns: tuple[str, ...] = ()
    measure: Measure = _nothing
    draw: Callable[[list[Row], Path], None] = _undrawn
    side_by_side: int = 10


def markdown(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table."""
    headings = [*headings]
    cells = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in cells)
