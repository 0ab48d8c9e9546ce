"""Rows of the result: cost, projections, time to the error, and speedups over three machines."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lecun89.bench.machine import Peak
from lecun89.bench.race import Race
from lecun89.bench.ways import Recipe, Way
from lecun89.data import get_data
from lecun89.network.architecture import MACS

PASSES = 23
"""The paper's passes."""

M1_SECONDS = 90.0
"""Those passes on a MacBook with an M1 in 2022, as the blog has it."""

SUN4_SECONDS = 3 * 24 * 3600.0
"""Those passes on a SUN-4/260 in 1989, as the paper has it: three days."""

BACKWARD_MACS = 108_120
"""Multiply-accumulates of the backward pass for one example, none for the image's gradient."""

_DIGIT_BYTES = 256 * 4 + 1


@dataclass(frozen=True)
class Row:
    """What was found of one way.

    Attributes:
        way: the way.
        times: seconds of a step, each sample.
        peak: what the device was measured to reach.
        recipe: of the race; None where there is none for its batch size.
        race: its seeds; None where they were not run.
        projected_seconds: to the error, cost times steps, where the race was not run.
        projected_error: mean error of the same steps, measured on another way.
    """

    way: Way
    times: list[float]
    peak: Peak
    recipe: Recipe | None = None
    race: Race | None = None
    projected_seconds: float | None = None
    projected_error: float | None = None

    @property
    def step_size(self) -> int:
        """Examples in a step of one network."""
        return self.way.batch_size or get_data("1989").train

    @property
    def seconds_per_step(self) -> float:
        """Median over the samples."""
        return statistics.median(self.times)

    @property
    def examples_per_second(self) -> float:
        """Of all its networks together."""
        return self.way.networks * self.step_size / self.seconds_per_step

    @property
    def peak_share(self) -> float:
        """Of what the device's measured peaks allow, 0 to 1; of all cores that it trains on.

        The roofline of Williams, Waterman and Patterson 2009. The traffic is what cannot be
        avoided: to read each digit once. Weights fit a cache.
        """
        operations = 2 * (MACS + BACKWARD_MACS)
        roof = self.peak.roof(operations, _DIGIT_BYTES)
        cores = self.way.networks if self.way.device == "cpu" else 1
        return operations * self.examples_per_second / (cores * roof)

    @property
    def seconds_per_pass(self) -> float:
        """Of one network's share: a pass over 7,291 digits, without evaluation."""
        return get_data("1989").train / self.examples_per_second

    @property
    def paper_seconds(self) -> float:
        """The paper's 23 passes at that cost; always a projection."""
        return PASSES * self.seconds_per_pass

    @property
    def seconds_to_error(self) -> float | None:
        """Mean over seeds, or the projection; None where neither is known."""
        if self.race is not None:
            return statistics.fmean(self.race.seconds)
        return self.projected_seconds

    @property
    def error(self) -> float | None:
        """Mean over seeds in percent, here or of the same steps elsewhere."""
        return self.race.mean_error if self.race is not None else self.projected_error


def as_document(
    rows: list[Row], absent: dict[str, str], machine: dict[str, Any], configuration: dict[str, Any]
) -> dict[str, Any]:
    """The result as values for JSON."""
    eager = stock_row(rows)
    return {
        "machine": machine,
        "configuration": configuration,
        "peaks": {row.way.device: vars(row.peak) for row in rows},
        "rows": [_row(row, eager) for row in rows],
        "absent": absent,
    }


def stock_row(rows: Sequence[Row]) -> Row | None:
    """The row of stock PyTorch, one digit at a time on the CPU, if it was measured."""
    stock = ("cpu", "eager", 1)
    ways = (row for row in rows if (row.way.device, row.way.engine, row.way.batch_size) == stock)
    return next(ways, None)


def speedups(row: Row, eager: Row | None) -> dict[str, float | None]:
    """How many times as fast the row goes through the paper's 23 passes."""
    return {
        "eager_cpu": None if eager is None else eager.paper_seconds / row.paper_seconds,
        "m1_2022": M1_SECONDS / row.paper_seconds,
        "sun4_1989": SUN4_SECONDS / row.paper_seconds,
    }


def _row(row: Row, eager: Row | None) -> dict[str, Any]:
    race = row.race
    return {
        "name": row.way.name,
        "device": row.way.device,
        "engine": row.way.engine,
        "batch_size": row.way.batch_size or "full",
        "networks": row.way.networks,
        "us_per_step": 1e6 * row.seconds_per_step,
        "least_us_per_step": 1e6 * min(row.times),
        "examples_per_second": row.examples_per_second,
        "seconds_per_pass": row.seconds_per_pass,
        "seconds_23_passes": row.paper_seconds,
        "peak_share": row.peak_share,
        "steps": None if row.recipe is None else row.recipe.steps(row.way.batch_size),
        "recipe": None if row.recipe is None else vars(row.recipe),
        "projected": race is None and row.projected_seconds is not None,
        "seconds_to_error": row.seconds_to_error,
        "error_percent": row.error,
        "reached": None if race is None else race.reached,
        "p_value": None if race is None else race.p_value,
        "speedup": speedups(row, eager),
        "times": row.times,
        "race": None
        if race is None
        else {
            "seconds": race.seconds,
            "setup_seconds": race.setup_seconds,
            "error_percent": race.errors,
            "target_percent": race.target,
        },
    }
