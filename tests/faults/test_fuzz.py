"""Every reader on edited files; tests/faults/fuzzing.py says which and how."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.conftest import ROOT

MEBIBYTE = 1 << 20


def run(inputs: int, seed: int) -> dict[str, Any]:
    """What one process found."""
    words = ("-m", "tests.faults.fuzzing", "--inputs", str(inputs), "--seed", str(seed))
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, f"seed {seed}"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def fuzz(inputs: int, processes: int, rng: random.Random, figure: Callable[[str], None]) -> None:
    """So many inputs to so many processes, two at a time, for hypothesis grows with its inputs."""
    seeds = [rng.randrange(2**32) for _ in range(processes)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(partial(run, inputs // processes), seeds))
    counts = sum((Counter(result["counts"]) for result in results), Counter[str]())
    accepted = sum((Counter(result["accepted"]) for result in results), Counter[str]())
    seconds, slowest = max(tuple(result["slowest"]) for result in results)
    grown, largest = max(tuple(result["most"]) for result in results)
    failures = [f"{of['seed']}: {text}" for of in results for text in of["failures"]]
    figure(
        f"{counts.total():,} inputs, of them accepted {accepted.total():,}; failures "
        f"{len(failures)}; slowest {seconds:.2f} s of processor time ({slowest}); memory of one "
        f"at most {grown / MEBIBYTE:.1f} MiB ({largest}); seeds {seeds}; "
        + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    )
    assert not failures, "\n\n".join(failures)
    assert counts.total() >= 0.99 * inputs  # of a few choices no file can be made
    assert seconds <= 1.0
    assert grown <= 256 * MEBIBYTE


def test_readers_refuse_edited_files_in_one_line(
    rng: random.Random, figure: Callable[[str], None]
) -> None:
    fuzz(1_500, 1, rng, figure)


@pytest.mark.slow
def test_readers_refuse_a_million_edited_files(
    rng: random.Random, figure: Callable[[str], None]
) -> None:
    fuzz(1_010_000, 20, rng, figure)
