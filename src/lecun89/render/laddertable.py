"""The ladder as a table, as CSV and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from lecun89.render.lines import counted, duration
from lecun89.render.tables import csv_text, plain_table
from lecun89.sweeps.ladder import Rung, Step

_SOURCES = ("paper", "blog", "notebook")


def ladder_table(steps: Sequence[tuple[Rung, Step | None]], data: str) -> Table:
    """Each rung beside what others report, and what its step comes to.

    Args:
        steps: rungs, each with the step from the one before.
        data: its name.
    """
    rows = []
    for rung, step in steps:
        literature = {report.source: report for report in rung.reports}
        error, n = rung.error, len(rung.seeds)
        low_high = error.interval95
        rows.append(
            [
                rung.variant,
                *(f"{literature[s].test_error:.2f}" if s in literature else "" for s in _SOURCES),
                f"{error.mean:.2f}",
                "" if low_high is None else f"{low_high[0]:.2f}-{low_high[1]:.2f}",
                "" if error.deviation is None else f"{error.deviation:.2f}",
                f"{rung.misses.mean:.1f}",
                duration(sum(rung.seconds) / n),
                "" if step is None else step.verdict,
            ]
        )
    n = len(steps[0][0].seeds) if steps else 0
    table = plain_table(
        [
            *("", ">paper", ">blog", ">notebook", ">ours", ">95%", ">dev.", ">misses"),
            *(">time", "than above"),
        ],
        rows,
        f"test error on {data} in percent, mean of {counted(n, 'seed')}",
    )
    table.collapse_padding = True
    return table


def documents(steps: Sequence[tuple[Rung, Step | None]]) -> list[dict[str, Any]]:
    """The rungs as values for JSON."""
    documents = []
    for rung, step in steps:
        document: dict[str, Any] = {
            "variant": rung.variant,
            "data": rung.data,
            "seeds": len(rung.seeds),
            "test_misses": [result.test.misses for result in rung.results],
            "mean_misses": rung.misses.mean,
            "error_percent": vars(rung.error),
            "mean_seconds": sum(rung.seconds) / len(rung.seconds),
            "reported": {report.source: report.test_error for report in rung.reports},
            "step": None,
        }
        if step is not None:
            mcnemar = None if step.mcnemar is None else vars(step.mcnemar)
            document["step"] = {**vars(step), "mcnemar": mcnemar, "verdict": step.verdict}
        documents.append(document)
    return documents


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rungs of `lecun89 ladder --json` as CSV."""
    lines: list[list[object]] = [
        [
            *("variant", "data", "seeds", "paper", "blog", "notebook", "mean_error_percent"),
            *("deviation", "low95", "high95", "mean_misses", "mean_seconds"),
            *("difference", "p_value", "verdict"),
        ]
    ]
    for row in rows:
        error, step = row["error_percent"], row["step"] or {}
        lines.append(
            [
                *(row["variant"], row["data"], row["seeds"]),
                *(row["reported"].get(source, "") for source in _SOURCES),
                *(error["mean"], error["deviation"], *(error["interval95"] or ("", ""))),
                *(row["mean_misses"], round(row["mean_seconds"], 3)),
                *(step.get("difference", ""), step.get("p_value", ""), step.get("verdict", "")),
            ]
        )
    return csv_text(lines)


def as_markdown(rows: Iterable[Mapping[str, Any]], against: str = "the row above") -> str:
    """The rungs of `lecun89 ladder --json` as a table for README.

    Args:
        rows: the rungs.
        against: what each is compared with, in words.
    """
    headings = ["variant", "data", *_SOURCES, "ours", "95% of the mean", "deviation", "seeds"]
    lines = [[*headings, f"than {against}"], ["---"] * (len(headings) + 1)]
    for row in rows:
        error, step = row["error_percent"], row["step"]
        interval = error["interval95"]
        cells = [
            f"`{row['variant']}`",
            row["data"],
            *(f"{row['reported'][s]:.2f}" if s in row["reported"] else "" for s in _SOURCES),
            f"{error['mean']:.2f}",
            "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
            "" if error["deviation"] is None else f"{error['deviation']:.2f}",
            str(row["seeds"]),
        ]
        verdict = ""
        if step is not None:
            p = step["p_value"]
            shown = "" if p is None else f" ({step['difference']:+.2f}, p {_p(p)})"
            verdict = f"{step['verdict']}{shown}"
        lines.append([*cells, verdict])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
