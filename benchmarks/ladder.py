"""README's tables of the ladder, from the committed tables of its sweeps.

lecun89 ladder --seeds 0..19 --out ladder
cp ladder/table.csv benchmarks/results/ladder_1989.csv
python benchmarks/ladder.py benchmarks/results/ladder_1989.csv
"""

import argparse
import csv
from pathlib import Path

from lecun89.analysis.scores import Score
from lecun89.render.laddertable import as_markdown, documents
from lecun89.sweeps.ladder import Rung, Step, compare_rungs
from lecun89.training.loop import PassResult


def rungs(path: Path) -> list[Rung]:
    """The variants of a sweep's table, in its order."""
    cells: dict[tuple[str, str], list[dict[str, str]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            cells.setdefault((row["variant"], row["data"]), []).append(row)
    return [
        Rung(
            *names,
            tuple(int(row["seed"]) for row in rows),
            tuple(_result(row) for row in rows),
            tuple(float(row["seconds"]) for row in rows),
        )
        for names, rows in cells.items()
    ]


def _result(row: dict[str, str]) -> PassResult:
    train, test = (
        Score(*(kind(row[f"{split}_{key}"]) for key, kind in _KEYS)) for split in ("train", "test")
    )
    return PassResult(int(row["passes"]), float(row["lr"]), float(row["seconds"]), train, test)


_KEYS = (("loss", float), ("misses", int), ("total", int))


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--against", help="compare with this variant, not with the row above")
    arguments = parser.parse_args()
    for path in arguments.tables:
        steps: list[tuple[Rung, Step | None]] = []
        for rung in rungs(path):
            before = steps[-1][0] if steps else None
            for other, _ in steps:
                before = other if other.variant == arguments.against else before
            comparable = before is not None and before.data == rung.data
            steps.append((rung, compare_rungs(before, rung) if comparable and before else None))
        against = f"`{arguments.against}`" if arguments.against else "the row above"
        print(as_markdown(documents(steps), against), end="\n\n")


if __name__ == "__main__":
    main()
