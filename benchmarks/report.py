"""README's tables of `lecun89 bench`, from a saved result.

lecun89 bench --save benchmarks/results/bench_cpu.json
python benchmarks/report.py benchmarks/results/bench_cpu.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from lecun89.render.lines import duration, microseconds, times


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def costs(document: dict[str, Any]) -> str:
    """What a step costs."""
    rows = []
    for row in document["rows"]:
        ratios = [row["speedup"][name] for name in ("eager_cpu", "m1_2022", "sun4_1989")]
        rows.append(
            [
                f"{row['name']}, {row['engine']} on {row['device']}",
                microseconds(row["us_per_step"] / 1e6),
                f"{row['examples_per_second']:,.0f}",
                f"{row['peak_share']:.1%}",
                "~" + duration(row["seconds_23_passes"]),
                *("" if ratio is None else times(ratio) for ratio in ratios),
            ]
        )
    headings = ["", "step", "digits/s", "of peak", "23 passes", "x eager", "x M1", "x SUN-4"]
    return table(headings, rows)


def races(document: dict[str, Any]) -> str:
    """The time to the error."""
    rows = []
    for row in document["rows"]:
        recipe, race = row["recipe"], row["race"]
        if recipe is None:
            continue
        seconds = f"{row['seconds_to_error']:,.2f} s"
        rows.append(
            [
                f"{row['name']}, {row['engine']} on {row['device']}",
                f"`{recipe['variant']}`, lr {recipe['lr']:g}, {recipe['passes']} passes",
                "~" + seconds if row["projected"] else seconds,
                "" if row["error_percent"] is None else f"{row['error_percent']:.2f}%",
                "" if race is None else f"{len(race['seconds'])}",
                "" if race is None else "yes" if row["reached"] else "no",
            ]
        )
    target = document["configuration"]["until_error"]
    return table(["", "recipe", f"to {target:g}%", "mean error", "seeds", "reached"], rows)


def main() -> None:
    """Print both tables and what they were measured on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    document = json.loads(parser.parse_args().result.read_text())
    print(costs(document), races(document), sep="\n\n")
    machine = document["machine"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}")
    for name, reason in document["absent"].items():
        print(f"not measured: {name}: {reason}")


if __name__ == "__main__":
    main()
