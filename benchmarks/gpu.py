"""Everything about a GPU in one command, for the first minute with one.

    PYTHONPATH=src python benchmarks/gpu.py --out benchmarks/results/gpu_h100.json

It needs no installation, and no digits: they are in the package. In turn it

1. compares every engine on the device with the CPU,
2. measures each row of `lecun89 bench`, and 256 and 1,024 networks side by side,
3. trains ten seeds to an error of 4.1%,
4. trains 256 and 1,024 networks through 23 passes,
5. compares the memory that a step takes with the plan for it.

The result is written after each part, so that what fails half-way keeps what was found; a part that
fails says why in the result, and the next one goes on. ``lecun89 bench FILE --markdown`` prints its
tables.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lecun89 import devices
from lecun89.analysis.statistics import summarise
from lecun89.bench.configurations import Configuration, list_configurations
from lecun89.bench.machine import describe
from lecun89.bench.report import as_document
from lecun89.bench.session import measure_rows, train_rows
from lecun89.data import Digits, load, prepare
from lecun89.engines import make_engine, memory
from lecun89.exceptions import DivergedError, one_line
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.settings import engine_of
from lecun89.storage.files import write_json
from lecun89.training.loop import Position, fit
from lecun89.variants import get_variant

SEEDS = list(range(10))
TARGET = 4.1
COMPARED = {
    "graph": ("base", "adamw", "shift", "modern", "modern-h3", "fast", "record+teacher=no"),
    "eager": ("base", "modern", "sdlm", "weightnorm", "microvit", "record+teacher=no"),
}


class EnoughError(Exception):
    """The time for a part is over."""


class Report:
    """The result as it grows: a document, its file, and what is left of the time for a part."""

    def __init__(self, path: Path | None, minutes: float, document: dict[str, Any]) -> None:
        """An empty result that will be written there, if anywhere."""
        self.path, self.document = path, document
        self._began, self._seconds = time.monotonic(), 60 * minutes
        self._ends = self._began

    @property
    def left(self) -> float:
        """Seconds that are left for this part."""
        return self._ends - time.monotonic()

    def say(self, text: str) -> None:
        """Tell what is done, and when."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", flush=True)

    @contextmanager
    def part(self, name: str, share: float) -> Iterator[None]:
        """One part, with its share of all the time; what it raises is kept, and then written."""
        self.say(name)
        self._ends = time.monotonic() + share * self._seconds
        try:
            yield
        except Exception as error:  # whatever it is, the next part goes on
            reason = f"{type(error).__name__}: {one_line(error)}"
            self.document["failed"][name] = reason
            self.say(f"  failed: {reason}")
        if self.path is not None:
            write_json(self.path, self.document)


def compare_engines(device: str, splits: dict[str, Digits], report: Report) -> None:
    """How far each engine is from the CPU after some steps, as a share of how far it went."""
    found = report.document["agreement"]
    for engine, names in COMPARED.items():
        for name in names:
            variant = get_variant(name).on("1989")
            for size in (1,) if variant.optimizer.startswith("sdlm") else (1, 64):
                if report.left <= 0:
                    return
                found.append(_compared(engine, name, device, splits, size))
                report.say("  {engine} {variant} at {batch_size}: {apart:.1e}".format(**found[-1]))


def _compared(
    engine: str, name: str, device: str, splits: dict[str, Digits], size: int
) -> dict[str, Any]:
    variant = get_variant(name).on("1989")
    states = []
    for where in ("cpu", device):
        devices.set_up(where, 1)
        made = make_engine(engine, variant, [1], splits, device=where, batch_size=size)
        before = _weights(made.states()[0])
        for number in (1, 2):  # sixteen steps of a replay and two single ones
            made.begin_pass(number, [variant.lr])
            made.run_steps(0, 18)
            made.end_pass()
        states.append(_weights(made.states()[0]))
    apart = float(np.linalg.norm(states[1] - states[0]) / np.linalg.norm(states[0] - before))
    return {"engine": engine, "variant": name, "batch_size": size, "apart": apart}


def _weights(state: dict[str, Any]) -> Any:
    names = [name for name in PARAMETER_SHAPES if name in state] or list(state)
    return np.concatenate([state[name].ravel() for name in names])


def measure_costs(
    device: str, splits: dict[str, Digits], networks: list[int], report: Report
) -> list[Any]:
    """The rows of `lecun89 bench` on the device, and many networks."""
    found, absent = list_configurations(device)
    found = [of for of in found if of.networks == 1]
    found += [Configuration(f"{n:,} networks", device, "graph", 1, n) for n in networks]
    stock = Configuration("one at a time", "cpu", "eager", 1)
    seconds = report.left / 2  # the other half is to make the engines
    rows, broken = measure_rows([stock, *found], "base", splits, seconds, report.say)
    _keep_rows(rows, absent | broken, found, report)
    return rows


def train_to_target(rows: list[Any], splits: dict[str, Digits], report: Report) -> None:
    """The time to the target error of each row that has a recipe."""
    on_gpu = [row for row in rows if not row.configuration.is_stock]
    stock = [row for row in rows if row.configuration.is_stock]
    trained, broken = train_rows(on_gpu, splits, SEEDS, TARGET, report.left, report.say)
    absent = report.document["absent"] | broken
    _keep_rows([*stock, *trained], absent, [row.configuration for row in on_gpu], report)


def _keep_rows(
    rows: list[Any], absent: dict[str, str], measured: list[Configuration], report: Report
) -> None:
    plan = {"variant": "base", "data": "1989", "until_error": TARGET, "seeds": SEEDS}
    machine = describe(of.settings("base", "1989", 1) for of in measured)
    report.document |= as_document(rows, absent, machine, plan)


def train_networks(device: str, splits: dict[str, Digits], networks: int, report: Report) -> None:
    """Networks side by side through the 23 passes of base, evaluated after each."""
    of = Configuration("", device, "graph", 1, networks)
    trainings = [of.settings("base", "1989", seed) for seed in range(networks)]
    devices.set_up(device, 1)
    began = time.perf_counter()
    engine = engine_of(trainings, splits)
    devices.synchronize(device)
    setup = time.perf_counter() - began
    at, outcomes = Position(), []

    def keep(position: Position) -> None:
        nonlocal at
        at = position
        if report.left <= 0:
            raise EnoughError

    began = time.perf_counter()
    with suppress(EnoughError):
        for outcomes in fit(engine, trainings, on_slice=keep):  # noqa: B007  # the last counts
            at = Position(at.passes + 1)
    seconds = time.perf_counter() - began
    passes = at.passes + at.step / engine.steps_per_pass
    errors = [one.test.error_percent for one in outcomes if not isinstance(one, DivergedError)]
    whole = trainings[0].passes
    found = {
        "networks": networks,
        "passes": passes,
        "of_passes": whole,
        "setup_seconds": setup,
        "seconds": seconds,
        "networks_per_second": networks * passes / whole / seconds,
        "test_error_percent": vars(summarise(errors)) if errors else None,
    }
    report.document["throughput"].append(found)
    mean = f"; mean error {summarise(errors).mean:.2f}%" if errors else ""
    report.say(
        f"  {networks:,} networks, {passes:.1f} of {whole} passes: {seconds:.2f} s, "
        f"{found['networks_per_second']:.3g} networks a second{mean}"
    )


def measure_memory(device: str, splits: dict[str, Digits], report: Report) -> None:
    """Bytes of a network beside those that are planned for it."""
    kind = devices.kind_of(device)
    assert kind.module is not None
    module = kind.module()
    for name, size in (("base", 1), ("base", 512), ("modern", 64), ("modern", 512)):
        variant = get_variant(name)
        peaks = []
        for networks in (8, 24):
            module.empty_cache()
            module.reset_peak_memory_stats(device)
            engine = make_engine(
                "graph", variant, range(networks), splits, device=device, batch_size=size
            )
            engine.begin_pass(1, [variant.lr] * networks)
            engine.run_steps(0, min(16, engine.steps_per_pass))
            devices.synchronize(device)
            peaks.append(module.max_memory_allocated(device))
            del engine
        each = (peaks[1] - peaks[0]) / 16
        planned = memory.bytes_per_network(variant, size, len(splits["train"]))
        report.document["memory"].append(
            {"variant": name, "batch_size": size, "bytes": each, "planned": planned, "peaks": peaks}
        )
        report.say(
            f"  {name} at {size}: {each / 1e6:.1f} MB a network, {planned / 1e6:.1f} planned"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run all parts; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--networks", type=int, nargs="*", default=[256, 1024])
    parser.add_argument("--out", type=Path, help="the result, as JSON")
    given = parser.parse_args(arguments)
    device = devices.choose(given.device, step_size=1).device
    document: dict[str, Any] = {
        "schema_version": 1,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": " ".join(["python", *sys.argv]),
        "devices": [vars(one) for one in devices.list_devices()],
        "agreement": [],
        "throughput": [],
        "memory": [],
        "absent": {},
        "failed": {},
    }
    report = Report(given.out, given.minutes, document)
    with tempfile.TemporaryDirectory() as directory:
        prepare("1989", Path(directory))
        splits = {split: load("1989", split, Path(directory)) for split in ("train", "test")}
    rows: list[Any] = []
    with report.part("engines beside the CPU", 0.25):
        compare_engines(device, splits, report)
    with report.part("the cost of a step", 0.2):
        rows = measure_costs(device, splits, given.networks, report)
    for networks in given.networks:
        with report.part(f"{networks:,} networks", 0.3 / len(given.networks)):
            train_networks(device, splits, networks, report)
    with report.part("the time to an error", 0.25):
        train_to_target(rows, splits, report)
    if devices.kind_of(device).captures:
        with report.part("memory", 0.0):
            measure_memory(device, splits, report)
    print(json.dumps(document["failed"], indent=2) if document["failed"] else "nothing failed")
    return 1 if document["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
