"""The native engine beside the stock PyTorch loop, in one process, turn by turn, on one thread.

    python benchmarks/native.py --save benchmarks/results/native.json

Every time is in the JSON; what is printed are medians of the rounds. Commands are run as a user
runs them, start-up included, which `lecun89 --help` costs too and is measured beside them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from lecun89.bench.configurations import Configuration
from lecun89.bench.machine import describe
from lecun89.data import Digits, default_data_dir, get_data, load
from lecun89.settings import engine_of
from lecun89.variants import VARIANTS
from reference_loop import ReferenceLoop

REFERENCE_STEPS = 300
NATIVE = Configuration("one at a time", "cpu", "native", 1)
STOCK = Configuration("one at a time", "cpu", "eager", 1)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def steps_and_scores(splits: dict[str, Digits], data: str, rounds: int) -> dict[str, Any]:
    """Passes of base and modern, the reference loop's steps in between, in turns."""
    engines = {
        name: engine_of([NATIVE.settings(name, data, 1337)], splits) for name in ("base", "modern")
    }
    loops = {name: ReferenceLoop(VARIANTS[name], splits["train"], 1337, 2) for name in engines}
    times: dict[str, dict[str, list[float]]] = {
        name: {"native_step": [], "reference_step": [], "evaluation": []} for name in engines
    }
    for number in range(rounds + 1):
        for name, engine in engines.items():
            n = engine.steps_per_pass
            engine.begin_pass(number + 1, [VARIANTS[name].lr])
            step = seconds(lambda engine=engine, n=n: engine.run_steps(0, n)) / n
            score = seconds(
                lambda engine=engine: [engine.scores(split) for split in ("train", "test")]
            )
            loop = loops[name]
            reference = (
                seconds(lambda loop=loop: loop.run_steps(1, 0, REFERENCE_STEPS)) / REFERENCE_STEPS
            )
            if number:  # the first round warms up
                times[name]["native_step"].append(step)
                times[name]["evaluation"].append(score)
                times[name]["reference_step"].append(reference)
    return times


def two_seeds(splits: dict[str, Digits], rounds: int) -> dict[str, list[float]]:
    """Five passes of one seed on one core, and of two seeds on two threads, in turns."""

    def train(seed: int) -> None:
        engine = engine_of([NATIVE.settings("base", "1989", seed)], splits)
        for number in range(1, 6):
            engine.begin_pass(number, [0.03])
            engine.run_steps(0, engine.steps_per_pass)
            engine.scores("train")
            engine.scores("test")

    def both() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(train, (1, 2)))

    times: dict[str, list[float]] = {"one": [], "two": []}
    for _ in range(rounds):
        times["one"].append(seconds(lambda: train(1)))
        times["two"].append(seconds(both))
    return times


def command(arguments: list[str], rounds: int, data_dir: Path) -> list[float]:
    """Wall times of a command line in a process of its own."""
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            line = [sys.executable, "-m", "lecun89", *arguments]
            env = os.environ | {"LECUN89_DATA_DIR": str(data_dir)}
            times.append(
                seconds(
                    lambda line=line, env=env, directory=directory: subprocess.run(
                        line, cwd=directory, env=env, check=True, capture_output=True
                    )
                )
            )
    return times


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--full", action="store_true", help="modern on full to its end, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    directory = default_data_dir()
    splits = {
        data: {split: load(data, split, directory) for split in ("train", "test")}
        for data in ("1989", "full")
    }
    times: dict[str, Any] = {
        "1989": steps_and_scores(splits["1989"], "1989", given.rounds),
        "full": steps_and_scores(splits["full"], "full", min(given.rounds, 5)),
        "seeds": two_seeds(splits["1989"], given.rounds),
        "commands": {
            "lecun89 --help": command(["--help"], given.rounds, directory),
            "lecun89 train": command(["train"], given.rounds, directory),
        },
    }
    if given.full:
        line = ["train", "--variant", "modern", "--data", "full"]
        times["commands"]["lecun89 " + " ".join(line)] = command(line, 5, directory)
    document = {
        "schema_version": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe(of.settings("base", "1989", 1337) for of in (NATIVE, STOCK)),
        "seconds": times,
    }
    report(times)
    if given.save:
        given.save.write_text(json.dumps(document, indent=1) + "\n")


def report(times: dict[str, Any]) -> None:
    """Medians as lines."""
    median = statistics.median
    for data in ("1989", "full"):
        for name, of in times[data].items():
            passes = len(of["native_step"])
            ratios = [r / n for r, n in zip(of["reference_step"], of["native_step"], strict=True)]
            steps = get_data(data).train
            shares = [
                e / (steps * n) for e, n in zip(of["evaluation"], of["native_step"], strict=True)
            ]
            print(
                f"{name} on {data}: {median(of['native_step']) * 1e6:.2f} us a step "
                f"(least {min(of['native_step']) * 1e6:.2f}), stock loop "
                f"{median(of['reference_step']) * 1e6:,.0f} us, ratio {median(ratios):.0f}; "
                f"evaluation {median(shares):.0%} of a pass; {passes} rounds"
            )
    ratios = [b / a for a, b in zip(times["seeds"]["one"], times["seeds"]["two"], strict=True)]
    print(f"two seeds on two threads / one seed on one: {median(ratios):.2f}")
    for line, of in times["commands"].items():
        print(f"{line}: {median(of):.2f} s (least {min(of):.2f})")


if __name__ == "__main__":
    main()
