"""Rich tables: of text, and of trainings."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Literal

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from lecun89.analysis.literature import LITERATURE, Report
from lecun89.analysis.statistics import summarise
from lecun89.exceptions import printable
from lecun89.render.lines import counted, duration, interval, sparkline
from lecun89.settings import Settings
from lecun89.training.loop import PassResult

# Said to be ASCII, for Rich would put another in its place: the streams of the command line write
# what their encoding does not have in ASCII themselves.
_BOX = box.Box(str(box.SIMPLE_HEAD), ascii=True)


def plain_table(columns: Iterable[str], rows: Iterable[Iterable[str]], title: str = "") -> Table:
    """A table of text, its first column to the left.

    Args:
        columns: headings; one that starts with ``>`` is set to the right. No heading is shown
            when all are empty.
        rows: the cells.
        title: above it.
    """
    columns = list(columns)
    table = Table(
        box=_BOX,
        title=Text(printable(title), "table.title") if title else None,
        title_justify="left",
        pad_edge=False,
        show_header=any(columns),
    )
    for name in columns:
        justify: JustifyMethod = "right" if name.startswith(">") else "left"
        table.add_column(name.lstrip(">"), justify=justify, overflow="fold")
    for row in rows:
        # As text, because a path may look like markup; nor must a terminal act on it.
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def closing_table(settings: Settings, results: Sequence[PassResult]) -> Table:
    """The last pass beside the literature on that variant and data."""
    result = results[-1]
    reports = LITERATURE.get((settings.variant, settings.data), ())
    test, train = result.test, result.train
    rows = [
        ["test error", f"{test.error_percent:.2f}%", *(_literature_error(r) for r in reports)],
        ["  95% interval", f"{interval(test)}%"],
        [
            f"test misses of {test.total:,}",
            *_cells("{:,}", test.misses, [_misses(r, "test", test.total) for r in reports]),
        ],
        ["test loss", *_cells("{:.3e}", test.loss, [r.test_loss for r in reports])],
        ["train error", *_cells("{:.2f}%", train.error_percent, [r.train_error for r in reports])],
        [
            f"train misses of {train.total:,}",
            *_cells("{:,}", train.misses, [_misses(r, "train", train.total) for r in reports]),
        ],
        ["train loss", *_cells("{:.3e}", train.loss, [r.train_loss for r in reports])],
    ]
    if len(results) > 1:
        errors = [result.test.error_percent for result in results]
        rows.append(["test error by pass", sparkline(errors)])
    return plain_table(
        ["", f">pass {result.number}", *(f">{report.source}" for report in reports)],
        rows,
        f"{settings.variant} on {settings.data}",
    )


def seeds_table(
    trainings: Sequence[Settings], results: Sequence[PassResult], seconds: float
) -> Table:
    """The last pass of each training, and mean, deviation and interval over them.

    Args:
        trainings: settings of each.
        results: last pass of each.
        seconds: wall time of all of them together.
    """
    rows = [
        [
            str(settings.seed),
            f"{result.test.error_percent:.2f}%",
            f"{result.test.misses:,}",
            f"{result.test.loss:.3e}",
            f"{result.train.error_percent:.2f}%",
        ]
        for settings, result in zip(trainings, results, strict=True)
    ]
    columns = (
        ("{:.2f}%", [result.test.error_percent for result in results]),
        ("{:,.1f}", [float(result.test.misses) for result in results]),
        ("{:.3e}", [result.test.loss for result in results]),
        ("{:.2f}%", [result.train.error_percent for result in results]),
    )
    summaries = [(show, summarise(values)) for show, values in columns]
    if len(results) > 1:
        rows.append(["mean", *(show.format(summary.mean) for show, summary in summaries)])
        rows.append(["deviation", *(show.format(summary.deviation) for show, summary in summaries)])
        intervals = [(show, summary.interval95 or (0, 0)) for show, summary in summaries]
        cells = [f"{show.format(low)} to {show.format(high)}" for show, (low, high) in intervals]
        rows.append(["95% of the mean", *cells])
    first = trainings[0]
    return plain_table(
        ["seed", ">test error", ">misses", ">test loss", ">train error"],
        rows,
        f"{first.variant} on {first.data}: {counted(len(results), 'seed')}, "
        f"passes {first.passes}; "
        f"{duration(seconds)} in this session",
    )


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV, the first of them the heading."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")


def _cells(show: str, ours: float, theirs: Iterable[float | None]) -> list[str]:
    return ["" if value is None else show.format(value) for value in (ours, *theirs)]


def _literature_error(report: Report) -> str:
    return f"about {report.test_error:.0f}%" if report.rounded else f"{report.test_error:.2f}%"


def _misses(report: Report, split: Literal["train", "test"], total: int) -> int | None:
    if report.rounded:
        return None
    counted = report.test_misses if split == "test" else report.train_misses
    error = report.test_error if split == "test" else report.train_error
    return counted if counted is not None or error is None else round(error * total / 100)
