"""The result as a document: for each row cost, projections, time to the target, and speedups.

Scripts read the document, so its keys stay: what it calls ``race`` is a `TimeToTarget`, and its
``configuration`` is the `Plan`, not the `Configuration` of a row.
"""

import statistics
from dataclasses import dataclass
from typing import Any

from lecun89.analysis.literature import M1_SECONDS, PASSES, SUN4_SECONDS
from lecun89.bench.configurations import Configuration, Recipe
from lecun89.bench.cost import Cost
from lecun89.bench.machine import Peak
from lecun89.bench.time_to_target import TimeToTarget
from lecun89.data import get_data
from lecun89.network.architecture import MACS

BACKWARD_MACS = 108_120
"""Multiply-accumulates of the backward pass for one example, none for the image's gradient."""

_DIGIT_BYTES = 256 * 4 + 1


@dataclass(frozen=True)
class Row:
    """What was found of one configuration.

    Attributes:
        configuration: what was measured.
        cost: of a step.
        peak: what the device was measured to reach.
        recipe: of its training to the target; None where its batch size has none.
        to_target: the seeds that trained; None where none did.
        projected_seconds: to the target, cost times steps, where no seed trained.
        projected_error: mean error of the same steps, measured with another engine.
    """

    configuration: Configuration
    cost: Cost
    peak: Peak
    recipe: Recipe | None = None
    to_target: TimeToTarget | None = None
    projected_seconds: float | None = None
    projected_error: float | None = None

    @property
    def step_size(self) -> int:
        """Examples in a step of one network."""
        return self.configuration.batch_size or get_data("1989").train

    @property
    def examples_per_second(self) -> float:
        """Of all its networks together."""
        return self.configuration.networks * self.step_size / self.cost.seconds_per_step

    @property
    def peak_share(self) -> float:
        """Of what the device's measured peaks allow, 0 to 1; of all cores that it trains on.

        The roofline of Williams, Waterman and Patterson 2009. The traffic is what cannot be
        avoided: to read each digit once. Weights fit a cache.
        """
        operations = 2 * (MACS + BACKWARD_MACS)
        roof = self.peak.roof(operations, _DIGIT_BYTES)
        of = self.configuration
        cores = of.networks * of.threads if of.device == "cpu" else 1
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
        if self.to_target is not None:
            return statistics.fmean(self.to_target.seconds)
        return self.projected_seconds

    @property
    def error(self) -> float | None:
        """Mean over seeds in percent, here or of the same steps elsewhere."""
        return self.to_target.mean_error if self.to_target is not None else self.projected_error


def as_document(
    rows: list[Row], absent: dict[str, str], machine: dict[str, Any], plan: dict[str, Any]
) -> dict[str, Any]:
    """The result as values for JSON.

    Args:
        rows: what was measured.
        absent: what could not be, by its name, and why.
        machine: as `lecun89.bench.machine.describe` gives it.
        plan: what was asked for.
    """
    eager = next((row for row in rows if row.configuration.is_stock), None)
    return {
        "machine": machine,
        "configuration": plan,
        "peaks": {row.configuration.device: vars(row.peak) for row in rows},
        "rows": [_row_document(row, eager) for row in rows],
        "absent": absent,
    }


def _row_document(row: Row, eager: Row | None) -> dict[str, Any]:
    of, recipe, to_target = row.configuration, row.recipe, row.to_target
    return {
        "name": of.name,
        "device": of.device,
        "engine": of.engine,
        "batch_size": of.batch_size or "full",
        "networks": of.networks,
        "threads": of.threads,
        "us_per_step": 1e6 * row.cost.seconds_per_step,
        "least_us_per_step": 1e6 * min(row.cost.times),
        "examples_per_second": row.examples_per_second,
        "seconds_per_pass": row.seconds_per_pass,
        "seconds_23_passes": row.paper_seconds,
        "peak_share": row.peak_share,
        "steps": None if recipe is None else recipe.steps(of.batch_size),
        "recipe": None if recipe is None else vars(recipe),
        "projected": to_target is None and row.projected_seconds is not None,
        "seconds_to_error": row.seconds_to_error,
        "error_percent": row.error,
        "reached": None if to_target is None else to_target.reached,
        "p_value": None if to_target is None else to_target.p_value,
        "speedup": {
            "eager_cpu": None if eager is None else eager.paper_seconds / row.paper_seconds,
            "m1_2022": M1_SECONDS / row.paper_seconds,
            "sun4_1989": SUN4_SECONDS / row.paper_seconds,
        },
        "times": row.cost.times,
        "race": None
        if to_target is None
        else {
            "seconds": to_target.seconds,
            "setup_seconds": to_target.setup_seconds,
            "error_percent": to_target.errors,
            "target_percent": to_target.target,
        },
    }
