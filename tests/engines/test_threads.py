"""Threads that share a training: the same bits at every number of them, and good neighbours."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lecun89.data import Digits, read_originals
from lecun89.engines import native
from lecun89.engines.parameters import flatten
from lecun89.network.initialization import initial_parameters
from lecun89.variants import get_variant
from tests.conftest import PATIENCE

kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")

THREADS = (1, 2, 3, 7, 16, 40)


def trained(variant: str, batch_size: int, threads: int, digits: Digits, on: str) -> list[bytes]:
    """Weights, moments and scores after two passes, as bytes."""
    of = get_variant(variant)
    originals = read_originals(digits) if of.distorts else None
    given = kernel.Digits(digits.images, digits.labels, originals)
    network = native.make_network(of, 3, batch_size=batch_size, on=on)
    network.threads = threads
    network.set("weights", flatten(initial_parameters(of, 3)))
    steps = -(-len(digits) // batch_size)
    for number in (1, 2):
        network.present(3, number, None, None)
        network.train(given, number, 0, steps // 2, of.lr)
        network.train(given, number, steps // 2, steps, of.lr)
    assert network.updates == 2 * steps
    blocks = [network.get(name) for name in ("weights", "first_moment", "second_moment")]
    score = np.array(network.evaluate(given, 0, len(digits)))
    drawn = network.distort(given, 0, len(digits)) if of.distorts else np.zeros(0)
    return [array.tobytes() for array in (*blocks, score, drawn)]


@pytest.mark.parametrize("on", kernel.instruction_sets())
@pytest.mark.parametrize(
    ("variant", "batch_size"),
    [("base", 1), ("base", 5), ("base", 8), ("modern", 33), ("record", 32), ("adamw", 100)],
)
def test_the_bits_do_not_depend_on_the_threads(
    variant: str, batch_size: int, on: str, few: dict[str, Digits]
) -> None:
    found = {n: trained(variant, batch_size, n, few["train"], on) for n in THREADS}
    assert all(found[n] == found[1] for n in THREADS)


@pytest.mark.parametrize(
    ("digits", "parts"), [(1, 1), (7, 1), (8, 2), (16, 4), (32, 8), (63, 8), (64, 16), (7291, 16)]
)
def test_a_thread_has_four_digits_of_a_step_or_more(digits: int, parts: int) -> None:
    assert kernel.parts_of(digits) == parts
    assert native.threads_in_step(3, digits) == min(3, parts)


def test_a_number_of_threads_that_cannot_be_is_refused() -> None:
    network = native.make_network(get_variant("base"), 1)
    for threads in (0, -1, 100_000):
        with pytest.raises(ValueError, match="threads must be 1 to"):
            network.threads = threads
    assert network.threads == 1


def test_networks_are_trained_at_the_same_time(few: dict[str, Digits]) -> None:
    on = kernel.instruction_sets()[0]
    right = trained("modern", 32, 1, few["train"], on)
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(trained, "modern", 32, 3, few["train"], on) for _ in range(30)]
    assert all(one.result() == right for one in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system knows no fork")
@pytest.mark.parametrize("busy", [False, True])
def test_a_forked_child_trains_on_threads_of_its_own(
    busy: bool, few: dict[str, Digits], tmp_path: Path
) -> None:
    on = kernel.instruction_sets()[0]
    right = trained("modern", 32, 3, few["train"], on)  # so that there are threads
    ended = threading.Event()

    def train() -> None:
        while not ended.is_set():
            trained("modern", 32, 3, few["train"], on)

    other = threading.Thread(target=train)
    if busy:
        other.start()
    child = os.fork()
    if child == 0:
        found = trained("modern", 32, 3, few["train"], on)
        os._exit(0 if found == right else 1)
    ended.set()
    deadline = time.monotonic() + PATIENCE
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    if done[0] == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert done == (child, 0)
    if busy:
        other.join()


IDLE = """
import os, pathlib, signal, time
from lecun89.engines import native
from lecun89.variants import get_variant
import numpy as np
from lecun89 import _native

tasks = pathlib.Path("/proc/self/task")
before = set(tasks.iterdir())
network = native.make_network(get_variant("base"), 1, batch_size=64)
network.threads = 5
digits = _native.Digits(np.zeros((64, 16, 16), np.float32), np.zeros(64, np.uint8))
network.train(digits, 1, 0, 1, 0.1)
ours = set(tasks.iterdir()) - before

def fields():
    for path in ours:
        lines = [line.split() for line in (path / "status").read_text().splitlines()]
        found = {line[0]: line[1] for line in lines if len(line) > 1}
        yield found["State:"], int(found["SigBlk:"], 16) >> (signal.SIGINT - 1) & 1

while any(state != "S" for state, _ in fields()):
    time.sleep(0.01)
print(len(ours), sorted(fields()))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="tells states of threads on Linux")
def test_threads_sleep_when_idle_and_leave_signals_alone() -> None:
    line = [sys.executable, "-c", IDLE]
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == f"4 {[('S', 1)] * 4}"
