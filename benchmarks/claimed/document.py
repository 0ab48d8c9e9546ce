"""Write what the results say: docs/science.md between its marks, its figures, and claims.json."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import science
from claimed.claim import Report, one_more
from claimed.claims import CLAIMS
from claimed.training import read
from lecun89.analysis.statistics import summarise

END = "<!-- end -->"
FOUR = "four-numbers"
PAPER = ("sdlm+squash=scaled+init=literal+output-bias=0+curvature=running", "0.0005")
"""`paper`, as benchmarks/results/science.csv has it."""


def write(names: Iterable[str], results: Path, root: Path, *, draw: bool = True) -> None:
    """Renew what docs/ and claims.json say of these claims.

    Args:
        names: of claims.
        results: where their files of results are.
        root: of the repository that is written.
        draw: whether to draw figures too.
    """
    document, entries = root / "docs/science.md", root / "src/lecun89/analysis/claims.json"
    text = document.read_text(encoding="utf-8")
    found = json.loads(entries.read_text(encoding="utf-8")) if entries.exists() else {}
    found[FOUR] = four_numbers(results / "science.csv").entry
    for name in names:
        rows = read(*CLAIMS[name].files(results))
        if not CLAIMS[name].files(results)[0].exists():
            continue
        report = CLAIMS[name].report(rows)
        found[name] = report.entry
        text = between(text, name, f"{report.tables}\n\nVerdict: **{report.verdict}**.")
        if draw:
            CLAIMS[name].draw(rows, root / "docs")
    document.write_text(text, encoding="utf-8")
    entries.write_text(
        json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8"
    )


def between(text: str, name: str, tables: str) -> str:
    """The text with other tables between the marks of a claim."""
    begin = f"<!-- claims.py {name} -->"
    before, mark, rest = text.partition(begin)
    _, end, after = rest.partition(END)
    if not (mark and end):
        sys.exit(f"docs/science.md has no marks {begin} and {END}")
    return f"{before}{begin}\n\n{tables}\n\n{END}{after}"


def four_numbers(path: Path) -> Report:
    """The claim of the four numbers, from science.csv."""
    seeds = science.read(path)[PAPER]
    values = {key: [seed[key] for seed in seeds] for key in science.PAPER}
    hits = sum(science.inside(values[key], paper) for key, paper in science.PAPER.items())
    scale = {key: (1e3, 2) if "loss" in key else (1.0, 1) for key in values}
    means, bands = [], []
    for key, some in values.items():
        factor, digits = scale[key]
        means.append(f"{summarise(some).mean * factor:.{digits}f}")
        low, high = (value * factor for value in one_more(some))
        bands.append(f"{low:.{digits}f} to {high:.{digits}f}")
    words = "train loss {}e-3, {} train misses, test loss {}e-3, {} test misses"
    return Report(
        words.format(*means),
        len(seeds),
        f"of one more seed: {', '.join(bands)}",
        "holds" if hits == len(values) else "partly" if hits else "does not hold",
        date="2026-11-22",
    )
