"""The result of `lecun89 bench`, drawn from its document: just measured, or read from a file."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from lecun89.exceptions import printable
from lecun89.render.lines import counted, duration, microseconds, times
from lecun89.render.tables import csv_text, plain_table

Document = dict[str, Any]

_COLUMNS = (
    *("name", "device", "engine", "batch_size", "networks", "us_per_step", "least_us_per_step"),
    *("examples_per_second", "peak_share", "seconds_23_passes", "projected", "seconds_to_error"),
    *("error_percent", "p_value", "reached"),
)
_SPEEDUPS = ("eager_cpu", "m1_2022", "sun4_1989")


@dataclass(frozen=True)
class Cells:
    """A table before it is drawn.

    Attributes:
        title: above it.
        headings: as `plain_table` takes them; one that starts with ``>`` is set to the right.
        rows: the cells.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def for_terminal(document: Document) -> Iterator[Table | str]:
    """Rich tables and lines of text, in the order in which they are read."""
    for part in _parts(document):
        if isinstance(part, str):
            yield part
            continue
        table = plain_table(part.headings, part.rows, part.title)
        table.collapse_padding = True
        yield table


def as_markdown(document: Document) -> str:
    """The same tables and lines in Markdown."""
    return "\n\n".join(
        printable(part) if isinstance(part, str) else _markdown(part) for part in _parts(document)
    )


def as_csv(document: Document) -> str:
    """A line for each row, in full precision; with a comparison, its ratio is the last column."""
    compared = document.get("comparison")
    ratios = {_key(one): one["ratio"] for one in compared or ()}
    lines: list[list[object]] = [
        [*_COLUMNS, *(f"x_{name}" for name in _SPEEDUPS), *(["ratio"] if compared else [])]
    ]
    for row in document["rows"]:
        cells = [row[name] for name in _COLUMNS] + [row["speedup"][name] for name in _SPEEDUPS]
        cells = [printable(cell) if isinstance(cell, str) else cell for cell in cells]
        lines.append([*cells, *([ratios.get(_key(row))] if compared else [])])
    return csv_text(lines)


def _key(row: Document) -> tuple[str, str, str]:
    return row["name"], row["device"], row["engine"]


def _parts(document: Document) -> Iterator[Cells | str]:
    yield _costs(document)
    for name, reason in document["absent"].items():
        yield f"not measured: {name}: {reason}"
    if any(row["recipe"] for row in document["rows"]):
        yield _to_target(document)
    if document.get("throughput"):
        yield _side_by_side(document)
    for device, peak in document["peaks"].items():
        each = " of one core" if device == "cpu" else ""
        yield (
            f"peak{each} of {device}: {peak['flops'] / 1e9:,.0f} GFLOP/s in a matrix product, "
            f"{peak['bytes'] / 1e9:,.0f} GB/s in a copy"
        )
    if any(row["peak_share"] > 1 for row in document["rows"]):
        yield (
            "above 100% of peak: all operations of a digit are counted, also those of its "
            "background, which the native engine skips; or the machine was busy while its peak "
            "was measured"
        )
    if "comparison" in document:
        yield _comparison(document["comparison"])
    yield (
        "~ is projected: steps times their measured cost. 23 passes are the paper's, at any "
        "batch size."
    )


def _costs(document: Document) -> Cells:
    """What a step costs, and what the paper's 23 passes would take at that cost."""
    rows = [
        [
            *_name(row),
            microseconds(row["us_per_step"] / 1e6),
            _thousands(row["examples_per_second"]),
            f"{row['peak_share']:.0%}" if row["peak_share"] >= 0.01 else f"{row['peak_share']:.1%}",
            f"~{duration(row['seconds_23_passes'])}",
            *(_times(row["speedup"][other]) for other in _SPEEDUPS),
        ]
        for row in document["rows"]
    ]
    of, machine = document["configuration"], document["machine"]
    where = ", ".join(machine[name] for name in ("gpu", "cpu") if machine.get(name))
    title = f"{of['variant']} on {of['data']}; {where}, torch {machine['torch']}"
    headings = [">step", ">digits/s", ">peak", ">23 passes", ">x eager", ">x M1", ">x SUN-4"]
    return Cells(title, ["", "on", *headings], rows)


def _to_target(document: Document) -> Cells:
    """How long each row trains until the target error is reached, or that it was not."""
    rows = []
    for row in document["rows"]:
        recipe, trained = row["recipe"], row["race"]
        if recipe is None:
            continue
        error = row["error_percent"]
        rows.append(
            [
                *_name(row),
                f"{recipe['variant']} {recipe['lr']:g} x{recipe['passes']}",
                f"{'~' if row['projected'] else ''}{row['seconds_to_error']:,.2f}",
                "" if trained is None else f"{statistics.median(trained['setup_seconds']):.2f}",
                "" if error is None else f"{error:.2f}%",
                "" if trained is None else f"{row['p_value']:.3f}",
                "" if trained is None else "yes" if row["reached"] else "no",
            ]
        )
    of = document["configuration"]
    seeds = counted(len(of["seeds"]), "seed")
    title = f"time to a mean test error of {of['until_error']:g}%, over {seeds}"
    headings = ["recipe", ">seconds", ">setup", ">error", ">p", ">reached"]
    return Cells(title, ["", "on", *headings], rows)


def _side_by_side(document: Document) -> Cells:
    """What `benchmarks/gpu.py` adds: many networks through the paper's passes."""
    rows = []
    for one in document["throughput"]:
        error = one["test_error_percent"]
        rows.append(
            [
                f"{one['networks']:,}",
                f"{one['passes']:.1f} of {one['of_passes']:,}",
                f"{one['seconds']:.2f}",
                f"{one['setup_seconds']:.2f}",
                f"{one['networks_per_second']:.3g}",
                "" if error is None else f"{error['mean']:.2f}%",
            ]
        )
    headings = [">networks", ">passes", ">seconds", ">setup", ">networks/s", ">mean error"]
    return Cells("networks side by side, evaluated after each pass", headings, rows)


def _comparison(comparison: Sequence[Document]) -> Cells:
    """A step's time now over then, for each row of both results."""
    rows = [[*_name(one), f"{one['ratio']:.2f}"] for one in comparison]
    return Cells("the time of a step", ["", "on", ">now / then"], rows)


def _name(row: Document) -> tuple[str, str]:
    return row["name"], f"{row['device']}, {row['engine']}"


def _markdown(table: Cells) -> str:
    rules = ["--:" if heading.startswith(">") else "---" for heading in table.headings]
    lines = [[heading.lstrip(">") for heading in table.headings], rules, *table.rows]
    rows = [" | ".join(printable(cell).replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join([printable(table.title), "", *(f"| {row} |" for row in rows)])


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return _thousands(ratio) if ratio >= 99_500 else times(ratio)


def _thousands(value: float) -> str:
    return f"{value / 1e3:,.0f}k" if value >= 99_500 else f"{value:,.0f}"
