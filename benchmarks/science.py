"""docs/science.md's tables, from the committed results of its sweeps.

lecun89 sweep benchmarks/science.toml --out science
cp science/table.csv benchmarks/results/science.csv
python benchmarks/science.py --write docs/science.md
"""

import argparse
import csv
import math
import sys
from collections import defaultdict
from pathlib import Path

from lecun89.analysis.statistics import student95, summarise

RESULTS = Path(__file__).parent / "results" / "science.csv"
BEGIN, END = "<!-- made by benchmarks/science.py -->", "<!-- end -->"

PAPER = {"train_loss": 2.5e-3, "train_misses": 10, "test_loss": 1.8e-2, "test_misses": 102}
"""After 23 passes; the losses with the paper's factor 1/2."""


def read(path: Path) -> dict[tuple[str, str], list[dict[str, float]]]:
    """Results of each setting: variant and learning rate; losses with the factor 1/2."""
    settings: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            half = 1.0 if "half=yes" in row["variant"] else 0.5
            found = {key: float(row[key]) for key in PAPER}
            found["train_loss"] *= half
            found["test_loss"] *= half
            settings[row["variant"], row["lr"]].append(found)
    return settings


def inside(values: list[float], value: float) -> bool:
    """Whether one more seed could give that value: Student's 95% interval of prediction."""
    summary, n = summarise(values), len(values)
    half = student95(n - 1) * summary.deviation * math.sqrt(1 + 1 / n)
    return abs(value - summary.mean) <= half


def describe(variant: str, lr: str) -> list[str]:
    """Optimizer, squashing function, initial weights and initial biases, in words."""
    name, *pairs = variant.split("+")
    of = dict(pair.split("=") for pair in pairs)
    kinds = {"running": "SDLM", "by-pass": "SDLM by pass"}
    optimizer = kinds[of["curvature"]] if name == "sdlm" else "SGD"
    squash = {"tanh": "tanh", "scaled": "scaled tanh"}[of["squash"]]
    init = {"sqrt": "2.4/sqrt(F)", "literal": "2.4/F"}[of["init"]]
    return [f"{optimizer} {float(lr):g}", squash, init, of["output-bias"]]


def lines(settings: dict[tuple[str, str], list[dict[str, float]]]) -> list[str]:
    """The table, the settings that have most of the paper's numbers in their bands first."""
    rows = []
    for (variant, lr), seeds in settings.items():
        cells, hits, distance = [], 0, 0.0
        for key, paper in PAPER.items():
            values = [seed[key] for seed in seeds]
            summary = summarise(values)
            hit = inside(values, paper)
            hits += hit
            distance += abs(math.log(max(summary.mean, 1e-9) / paper))
            scale, shown = (1e3, "{:.2f}") if "loss" in key else (1, "{:.1f}")
            text = (
                f"{shown.format(summary.mean * scale)} ± {shown.format(summary.deviation * scale)}"
            )
            cells.append(f"**{text}**" if hit else text)
        rows.append((-hits, distance, [*describe(variant, lr), str(len(seeds)), *cells, f"{hits}"]))
    headings = [
        *("optimizer", "squashing", "weights within", "biases of out", "seeds"),
        *("train loss, 1e-3", "train misses", "test loss, 1e-3", "test misses", "of 4"),
    ]
    paper = ["*the paper*", "", "", "", "1", "2.5", "10", "18", "102", ""]
    table = [headings, ["---"] * len(headings), paper, *(row for *_, row in sorted(rows))]
    return ["| " + " | ".join(cells) + " |" for cells in table]


def main() -> None:
    """Print the table, or write it between the marks of a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", type=Path, help="the document to renew")
    arguments = parser.parse_args()
    table = "\n".join(lines(read(arguments.results)))
    if arguments.write is None:
        print(table)
        return
    before, mark, rest = arguments.write.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        sys.exit(f"{arguments.write} has no marks {BEGIN} and {END}")
    arguments.write.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


if __name__ == "__main__":
    main()
