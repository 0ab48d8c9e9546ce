"""One training on all cores beside the same on one, and beside one training for each core.

    python benchmarks/threads.py --save benchmarks/results/threads.json

The three take their turns in one process. What independent trainings gain on all cores is the most
that this machine gives. Commands run as a user runs them, start-up included.
"""

import argparse
import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from lecun89.bench.configurations import FAST, RECIPES, Configuration
from lecun89.bench.machine import describe
from lecun89.bench.time_to_target import measure_time_to_target
from lecun89.cores import usable_cores
from lecun89.data import Digits, default_data_dir, load
from lecun89.engines import Engine
from lecun89.engines.native import threads_in_step
from lecun89.settings import engine_of, resolve
from native import command, seconds

STEPS: list[tuple[str, int | str]] = [
    *(("record", 32), ("fast", 16)),
    *(("base", size) for size in (8, 16, 32, 64, "full")),
]


def steps(splits: dict[str, Digits], cores: int, rounds: int) -> list[dict[str, Any]]:
    """Seconds of a step: on one core, on all, and of each of as many trainings as cores."""
    rows = []
    for variant, size in STEPS:
        settings = resolve(variant, batch_size=size, engine="native", threads=1)
        engines = [engine_of([settings], splits) for _ in range(cores)]
        shared = engine_of([replace(settings, threads=cores)], splits)
        with ThreadPoolExecutor(cores) as pool:
            times = _in_turns(engines, shared, settings.lr, rounds, pool)
        of = {"variant": variant, "batch_size": size, "digits": settings.step_size}
        threads = threads_in_step(cores, settings.step_size)
        found = {"speedup": ratio(times, "shared"), "most": ratio(times, "independent")}
        rows.append({**of, "threads": threads, "seconds": times, **found})
        print(
            f"{variant:7} {size!s:>5}: {1e6 * statistics.median(times['one']):9,.1f} us a step, "
            f"{rows[-1]['speedup']:.2f} times as fast on {cores} cores; "
            f"independent trainings {rows[-1]['most']:.2f}",
            flush=True,
        )
    return rows


def _in_turns(
    engines: list[Engine], shared: Engine, lr: float, rounds: int, pool: ThreadPoolExecutor
) -> dict[str, list[float]]:
    steps = shared.steps_per_pass
    times: dict[str, list[float]] = {"one": [], "shared": [], "independent": []}
    for number in range(rounds + 1):

        def work(engine: Engine, number: int = number) -> None:
            engine.begin_pass(number + 1, [lr])
            engine.run_steps(0, steps)

        found = {
            "one": seconds(partial(work, engines[0])),
            "shared": seconds(partial(work, shared)),
            "independent": seconds(lambda work=work: list(pool.map(work, engines))) / len(engines),
        }
        for name, value in found.items() if number else ():  # the first round warms up
            times[name].append(value / steps)
    return times


def ratio(times: dict[str, list[float]], which: str) -> float:
    """How many times as fast as on one core: the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(times["one"], times[which], strict=True))


def evaluation(splits: dict[str, Digits], cores: int, rounds: int) -> dict[str, Any]:
    """Evaluations of all digits of full by `base`, on one core and on all."""
    engines = {
        n: engine_of([resolve("base", "full", engine="native", threads=n)], splits)
        for n in (1, cores)
    }
    times: dict[str, list[float]] = {"one": [], "shared": []}
    for number in range(rounds + 1):
        for name, n in (("one", 1), ("shared", cores)):
            found = seconds(lambda n=n: [engines[n].scores(split) for split in splits])
            if number:
                times[name].append(found)
    speedup = ratio(times, "shared")
    print(
        f"evaluation of full: {statistics.median(times['one']):.3f} s, {speedup:.2f} times",
        flush=True,
    )
    return {"seconds": times, "speedup": speedup}


def to_target(splits: dict[str, Digits], cores: int, seeds: int) -> dict[str, Any]:
    """Seconds until the error of 4.1%, of each seed in turn, on one core and on all."""
    found: dict[str, Any] = {}
    for seed in range(seeds):
        for n in (1, cores):
            of = Configuration("", "cpu", "native", FAST.batch_size, threads=n)
            one = measure_time_to_target(of, RECIPES[FAST.batch_size], splits, [seed], 4.1)
            kept = found.setdefault(str(n), {"seconds": [], "errors": []})
            kept["seconds"] += one.seconds
            kept["errors"] += one.errors
    for n, kept in found.items():
        median, error = statistics.median(kept["seconds"]), statistics.fmean(kept["errors"])
        print(f"to 4.1% on {n}: {median:.3f} s, mean error {error:.2f}%", flush=True)
    return found


def projections(rows: list[dict[str, Any]], cores: int) -> list[dict[str, Any]]:
    """What more cores would give, from what was measured on these; not measured.

    A step on n threads takes the largest share that a thread has of it, and what waiting for each
    other and passing on what was computed take. That is what is left of a step here; on n threads
    it is taken to be as many times more as there are more rounds of pairs, or, at the worst, as
    there are more threads.
    """
    found = []
    for row in rows:
        one = statistics.median(row["seconds"]["one"])
        together = row["threads"]
        # Against trainings that do not wait for each other, so that a clock that falls when all
        # cores are busy is not counted.
        free = statistics.median(row["seconds"]["independent"]) * cores
        waits = max(0.0, statistics.median(row["seconds"]["shared"]) - free / together)
        for n in (8, 16):
            threads = threads_in_step(n, row["digits"])
            parts = threads_in_step(1024, row["digits"])
            share = -(-parts // threads) / parts
            rounds = {"best": (threads - 1).bit_length(), "worst": threads / together}
            speed = {name: one / (free * share + waits * more) for name, more in rounds.items()}
            kept = {"variant": row["variant"], "batch_size": row["batch_size"], "cores": n}
            found.append(kept | {"waits": waits, "projected": speed})
            print(
                f"projection, {row['variant']} {row['batch_size']} on {n} cores: "
                f"{speed['worst']:.1f} to {speed['best']:.1f} times",
                flush=True,
            )
    return found


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=20, help="of the time to 4.1%%")
    parser.add_argument("--commands", type=int, default=3, help="times that a command runs")
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    cores, directory = usable_cores(), default_data_dir()
    splits = {
        data: {split: load(data, split, directory) for split in ("train", "test")}
        for data in ("1989", "full")
    }
    rows = steps(splits["1989"], cores, given.rounds)
    document: dict[str, Any] = {
        "schema_version": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe([resolve("record", engine="native")]) | {"threads": cores},
        "steps": rows,
        "projections": projections(rows, cores),
        "evaluation": evaluation(splits["full"], cores, given.rounds),
        "to_target": to_target(splits["1989"], cores, given.seeds),
        "commands": {},
    }
    lines = [["train"], ["train", "--variant", "record"]] if given.commands else []
    for line in lines:
        for n in (1, cores):
            words = [*line, "--threads", str(n)]
            times = command(words, given.commands, directory)
            document["commands"][" ".join(["lecun89", *words])] = times
            print(f"lecun89 {' '.join(words)}: {statistics.median(times):.2f} s", flush=True)
    if given.save is not None:
        given.save.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
