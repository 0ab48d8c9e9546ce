"""The paper's claims as lines of text."""

from collections.abc import Iterator

from lecun89.analysis.claims import CLAIMS, Measured
from lecun89.render.lines import counted, wrapped

NOT_MEASURED = "not measured"
_LABEL = 9  # columns, with the space behind it


def verdict_of(name: str, measured: dict[str, Measured]) -> str:
    """The verdict on a claim, in words."""
    return measured[name].verdict if name in measured else NOT_MEASURED


def claims_lines(measured: dict[str, Measured], width: int) -> Iterator[str]:
    """For each claim its name and verdict, and below it the paper, ours and the command.

    Args:
        measured: what was measured, by the claims' names.
        width: columns of the terminal.
    """
    for claim in CLAIMS:
        yield f"{claim.name}: {verdict_of(claim.name, measured)}"
        yield from _labelled("claim", f"{claim.claim} ({claim.section})", width)
        yield from _labelled("paper", claim.paper or "gives no number", width)
        if (ours := measured.get(claim.name)) is not None:
            told = f"{ours.ours} ({counted(ours.seeds, 'seed')}, {ours.date})"
            yield from _labelled("ours", told, width)
            yield from _labelled("interval", ours.interval, width)
        yield from _labelled("command", claim.command, width)
        yield ""
    yield from wrapped(
        "Claims are those of LeCun et al. 1989, in our words, with the heading of the section; "
        "commands are for a clone of the repository; docs/science.md has the tables.",
        width,
    )


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    """A text in lines, with a label to the left of it, or above it in a narrow terminal."""
    indent = " " * (_LABEL + 2) if width >= 60 else "    "
    lines = wrapped(text, width, indent)
    if width >= 60:
        lines[0] = f"  {label:{_LABEL}}{lines[0].lstrip()}"
    else:
        yield f"  {label}"
    yield from lines
