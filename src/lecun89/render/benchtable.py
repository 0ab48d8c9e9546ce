"""The tables of `lecun89 bench`."""

import statistics
from collections.abc import Sequence

from rich.table import Table

from lecun89.bench import Comparison, Row
from lecun89.bench.report import speedups, stock_row
from lecun89.render.lines import duration, microseconds, times
from lecun89.render.tables import plain_table


def cost_table(rows: Sequence[Row], title: str) -> Table:
    """What a step costs, and what the paper's 23 passes would take at that cost."""
    eager = stock_row(rows)
    cells = []
    for row in rows:
        ratio = speedups(row, eager)
        cells.append(
            [
                row.way.name,
                f"{row.way.device}, {row.way.engine}",
                microseconds(row.seconds_per_step),
                _thousands(row.examples_per_second),
                f"{row.peak_share:.0%}" if row.peak_share >= 0.01 else f"{row.peak_share:.1%}",
                f"~{duration(row.paper_seconds)}",
                _times(ratio["eager_cpu"]),
                _times(ratio["m1_2022"]),
                _times(ratio["sun4_1989"]),
            ]
        )
    headings = [
        "",
        "on",
        ">step",
        ">digits/s",
        ">peak",
        ">23 passes",
        ">x eager",
        ">x M1",
        ">x SUN-4",
    ]
    return _unbroken(plain_table(headings, cells, title))


def race_table(rows: Sequence[Row], target: float) -> Table:
    """How long each way trains until the error is reached, or that it was not."""
    cells = []
    for row in rows:
        recipe, race = row.recipe, row.race
        if recipe is None:
            continue
        seconds = row.seconds_to_error
        shown = "" if seconds is None else f"{seconds:,.2f}"
        cells.append(
            [
                row.way.name,
                f"{row.way.device}, {row.way.engine}",
                f"{recipe.variant} {recipe.lr:g} x{recipe.passes}",
                shown if race is not None or not shown else f"~{shown}",
                "" if race is None else f"{statistics.median(race.setup_seconds):.2f}",
                "" if row.error is None else f"{row.error:.2f}%",
                "" if race is None else f"{race.p_value:.3f}",
                "" if race is None else "yes" if race.reached else "no",
            ]
        )
    headings = [
        "",
        "on",
        "recipe",
        ">seconds",
        ">setup",
        ">error",
        ">p",
        ">reached",
    ]
    title = f"time to a mean test error of {target:g}%"
    if seeds := {len(row.race.errors) for row in rows if row.race is not None}:
        title += f", over {max(seeds)} seeds"
    return _unbroken(plain_table(headings, cells, title))


def _unbroken(table: Table) -> Table:
    for column in table.columns:
        column.no_wrap = True
    return table


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """A step's time now over then, for each row of both results."""
    cells = [[one.name, f"{one.device}, {one.engine}", f"{one.ratio:.2f}"] for one in comparisons]
    return plain_table(["", "on", ">now / then"], cells, "a step's time")


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return _thousands(ratio) if ratio >= 99_500 else times(ratio)


def _thousands(value: float) -> str:
    return f"{value / 1e3:,.0f}k" if value >= 99_500 else f"{value:,.0f}"
