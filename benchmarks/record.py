"""docs/record.md's tables, and the published weights.

python benchmarks/record.py ledger benchmarks/results/record_ledger.csv
python benchmarks/record.py final benchmarks/results/record_final.csv
python benchmarks/record.py all SWEEP/runs/*-record-1989-*        # on all 10,000 test digits
python benchmarks/record.py publish SWEEP/runs/*-record-full-*    # the median seed's weights
python benchmarks/record.py thresholds SWEEP/runs/*-record-usps-tune-*    # docs/read.md
"""

import argparse
import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from shutil import copyfile
from statistics import median_low

import numpy as np

from lecun89.analysis.evaluation import evaluate, examine
from lecun89.analysis.rejection import rejection_curve, thresholds
from lecun89.analysis.statistics import below_p, summarise
from lecun89.data import default_data_dir, load
from lecun89.network.modules import network_of
from lecun89.network.published import PUBLISHED, THRESHOLDS, Published
from lecun89.network.weights import load_weights
from lecun89.training.runs import open_run

KNOWN = {"1989": (26, "1.30%"), "full": (125, "1.25%"), "usps": (102, "5.08%")}
"""The best known misses at this size, and as an error: a public revisit's best pass on the test
digits; the blog's on 50,000 digits, 25 of 2,007; the paper's."""


def read(path: Path) -> dict[tuple[str, ...], list[dict[str, str]]]:
    """Rows of a sweep's table by what differs: variant, data, passes, learning rate, batch size."""
    cells: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            key = ("variant", "data", "passes", "lr", "batch_size")
            cells[tuple(row[name] for name in key)].append(row)
    return cells


def ledger(path: Path) -> None:
    """A line for each change, beside what is left as it is."""
    cells = read(path)
    (own, *_) = cells
    print("| change | passes | n | validation error | 95% interval | train error |")
    print("|---|---|---|---|---|---|")
    for (variant, _, passes, lr, batch_size), rows in cells.items():
        found, train = (
            summarise([100 * int(row[f"{s}_misses"]) / int(row[f"{s}_total"]) for row in rows])
            for s in ("test", "train")
        )
        low, high = found.interval95 or (found.mean, found.mean)
        words = variant.split("+")[1:]
        words += [f"lr={lr}"] if lr != own[3] else []
        words += [f"batch-size={batch_size}"] if batch_size != own[4] else []
        print(
            f"| {', '.join(words) or 'none'} | {passes} | {len(rows)} | {found.mean:.3f}% "
            f"| {low:.2f} to {high:.2f} | {train.mean:.2f}% |"
        )


def final(path: Path) -> None:
    """A line for each data set: every seed counts."""
    print("| data | n | misses | deviation | error | each seed | known | one-sided p |")
    print("|---|---|---|---|---|---|---|---|")
    for (_, data, *_), rows in read(path).items():
        misses = [int(row["test_misses"]) for row in rows]
        found, total = summarise(misses), int(rows[0]["test_total"])
        number, error = KNOWN[data]
        p = below_p(misses, number)
        print(
            f"| {data} | {len(rows)} | {found.mean:.1f} of {total:,} | {found.deviation:.1f} "
            f"| {100 * found.mean / total:.2f}% | {', '.join(map(str, misses))} "
            f"| {number} ({error}) | {f'{p:.0e}' if p > 1e-9 else '< 1e-9'} |"
        )


def publish(paths: list[Path]) -> None:
    """Copy the weights of the median run, the first of those that are, and print its row."""
    runs = [open_run(path) for path in paths]
    counts = [run.read_metrics()[-1].test.misses for run in runs]
    misses = median_low(counts)
    run = runs[counts.index(misses)]
    total = run.read_metrics()[-1].test.total
    weights = load_weights(run.weights_path())
    row = Published(weights.variant, str(weights.data), "", misses, total)
    copyfile(run.weights_path(), row.path)
    sha256 = hashlib.sha256(row.path.read_bytes()).hexdigest()
    print(f'Published("{row.variant}", "{row.data}", "{sha256}", {misses}, {total:_}),')


def all_test_digits(paths: list[Path], data_dir: Path) -> None:
    """Each run on all 10,000 of MNIST's test digits."""
    digits = load("full", "test", data_dir)
    counts = []
    for path in paths:
        weights = load_weights(open_run(path).weights_path())
        counts.append(evaluate(network_of(weights), digits).misses)
    found = summarise(counts)
    print(f"{found.mean:.1f} of {len(digits):,}, deviation {found.deviation:.1f}: {counts}")


def reject_thresholds(paths: list[Path], data_dir: Path) -> None:
    """Write the thresholds beside the published weights, from validation digits.

    Those of ``usps`` are among its training digits: its thresholds are those of networks trained
    without them, on ``usps-tune``, all of them together.
    """
    tuned = [load_weights(open_run(path).weights_path()) for path in paths]
    made = {}
    for one in PUBLISHED:
        of = tuned if one.data == "usps" else [load_weights(one.path)]
        digits = load(one.data, "validation", data_dir)
        outputs = [examine(network_of(weights), digits).outputs for weights in of]
        labels = np.concatenate([digits.labels] * len(of))
        found = thresholds(rejection_curve(np.concatenate(outputs), labels))
        made[one.path.stem] = [(round(error, 5), round(least, 5)) for error, least in found]
    rows = (f'  "{name}": {json.dumps(found)}' for name, found in made.items())
    THRESHOLDS.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8", newline="\n")


def main() -> None:
    """One of the five."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["ledger", "final", "publish", "all", "thresholds"])
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    arguments = parser.parse_args()
    if arguments.what == "all":
        all_test_digits(arguments.paths, arguments.data_dir)
        return
    if arguments.what == "thresholds":
        reject_thresholds(arguments.paths, arguments.data_dir)
        return
    if arguments.what == "publish":
        publish(arguments.paths)
        return
    for path in arguments.paths:
        {"ledger": ledger, "final": final}[arguments.what](path)


if __name__ == "__main__":
    main()
