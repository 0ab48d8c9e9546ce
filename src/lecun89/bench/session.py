"""A whole measurement: every configuration's cost, then its time to the target or a projection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lecun89 import devices
from lecun89.bench.compare import check_comparable, compare
from lecun89.bench.configurations import RECIPES, Configuration, Recipe, list_configurations
from lecun89.bench.cost import measure_cost
from lecun89.bench.machine import Peak, describe, measure_peak
from lecun89.bench.report import Row, as_document
from lecun89.bench.time_to_target import measure_time_to_target
from lecun89.data import Digits
from lecun89.exceptions import DeviceError, UsageError, one_line
from lecun89.variants import get_variant

QUICK_SECONDS = 8.0  # for the costs of all configurations, more or less
COST_SECONDS = 20.0
TARGET_SECONDS = 75.0  # for the trainings to the target that fit


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure; the result has it under ``configuration``.

    Attributes:
        variant: whose steps are timed.
        data: name of the data set.
        until_error: the mean test error to reach, in percent.
        seeds: that train to it.
        quick: costs alone.
        full: train every seed, however long it takes.

    Raises:
        UsageError: a value is unknown or out of range, or two cannot be combined.
    """

    variant: str
    data: str = "1989"
    until_error: float
    seeds: list[int]
    quick: bool = False
    full: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        get_variant(self.variant)
        if not 0 < self.until_error < 100:
            raise UsageError(
                f"--until-error {self.until_error} is out of range: above 0, below 100"
            )
        if self.quick and self.full:
            raise UsageError("--quick and --full cannot be combined")


class Session:
    """A plan on this machine.

    Attributes:
        plan: what to measure.
        configurations: those that work here.
        absent: what does not, by its name, and why.
        machine: its description, as values for JSON.
    """

    def __init__(self, plan: Plan, device: str = "auto") -> None:
        """Find what can be measured, on one device or on all of them.

        Raises:
            UsageError: no device has such a name.
            DeviceError: nothing can be measured on it.
        """
        self.plan = plan
        self.configurations, self.absent = list_configurations(device)
        if not self.configurations:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.absent.items())
            raise DeviceError(f"nothing to measure on {device}: {reasons or 'no such device'}")
        self.machine = describe(
            of.settings(plan.variant, plan.data, 1) for of in self.configurations
        )

    def check_comparable(self, then: dict[str, Any], *, any_machine: bool) -> None:
        """Refuse a result that cannot be compared, before the time for measuring is spent.

        Args:
            then: the other result.
            any_machine: another machine or variant is no reason to refuse it.

        Raises:
            UsageError: it is of another machine or variant.
            FileFormatError: it is no result of bench, or has none of these rows.
        """
        compare({"rows": [{**vars(of), "us_per_step": 1.0} for of in self.configurations]}, then)
        if not any_machine:
            check_comparable({"machine": self.machine, "configuration": vars(self.plan)}, then)

    def measure(
        self, splits: dict[str, Digits], on_start: Callable[[str], None] = lambda text: None
    ) -> dict[str, Any]:
        """The result, as values for JSON.

        Args:
            splits: digits of ``train`` and ``test``.
            on_start: told what is measured next.

        Raises:
            DeviceError: nothing could be measured.
        """
        plan = self.plan
        seconds = QUICK_SECONDS if plan.quick else COST_SECONDS
        rows, broken = measure_rows(self.configurations, plan.variant, splits, seconds, on_start)
        if not rows:
            name, reason = next(iter(broken.items()))
            raise DeviceError(f"nothing could be measured: {name}: {reason}")
        if not plan.quick:
            left = None if plan.full else TARGET_SECONDS
            rows, more = train_rows(rows, splits, plan.seeds, plan.until_error, left, on_start)
            broken |= more
        return as_document(rows, self.absent | broken, self.machine, vars(plan))


def measure_rows(
    configurations: Sequence[Configuration],
    variant: str,
    splits: dict[str, Digits],
    seconds: float,
    on_start: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, str]]:
    """The cost of each configuration's step, and why those that broke did.

    Args:
        configurations: what to measure.
        variant: name of the variant.
        splits: digits of ``train`` and ``test``.
        seconds: to spend on all of them together, more or less.
        on_start: told what is measured next.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    peaks: dict[str, Peak] = {}
    for of in configurations:
        on_start(f"measuring: {of}")
        try:
            devices.set_up(of.device, 1)
            if of.device not in peaks:
                peaks[of.device] = measure_peak(of.device)
            cost = measure_cost(of, variant, splits, seconds / len(configurations))
        except Exception as error:  # a device out of memory or order says so in many ways
            broken[str(of)] = one_line(error)
        else:
            rows.append(Row(of, cost, peaks[of.device]))
    return rows, broken


def train_rows(
    rows: Sequence[Row],
    splits: dict[str, Digits],
    seeds: Sequence[int],
    target: float,
    seconds: float | None,
    on_start: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, str]]:
    """The rows with their times to the target, projected where training takes too long.

    The second value says why those that broke did.

    Args:
        rows: of `measure_rows`.
        splits: digits of ``train`` and ``test``.
        seeds: that each row trains.
        target: the mean test error to reach, in percent.
        seconds: to spend on all of them together; None for as long as they take.
        on_start: told what is trained next.
    """
    trained = []
    broken: dict[str, str] = {}
    for row in rows:
        of, recipe = row.configuration, RECIPES.get(row.configuration.batch_size)
        if recipe is not None and of.networks == 1:
            on_start(f"training {len(seeds)} seeds: {of}")
            try:
                row = _trained(row, recipe, splits, seeds, target, seconds)
            except Exception as error:  # as above
                broken[f"training, {of}"] = one_line(error)
        if row.to_target is not None and seconds is not None:
            seconds -= sum(row.to_target.seconds)
        trained.append(row)
    # The same steps end at the same error, whatever executes them.
    known = {row.configuration.batch_size: row.error for row in trained if row.to_target}
    return [
        row
        if row.to_target
        else replace(row, projected_error=known.get(row.configuration.batch_size))
        for row in trained
    ], broken


def _trained(
    row: Row,
    recipe: Recipe,
    splits: dict[str, Digits],
    seeds: Sequence[int],
    target: float,
    seconds: float | None,
) -> Row:
    of = row.configuration
    devices.set_up(of.device, 1)
    step = measure_cost(of, recipe.variant, splits, 0.2).seconds_per_step
    projected = recipe.steps(of.batch_size) * step
    if seconds is not None and len(seeds) * projected > seconds:
        return replace(row, recipe=recipe, projected_seconds=projected)
    to_target = measure_time_to_target(of, recipe, splits, seeds, target)
    return replace(row, recipe=recipe, to_target=to_target)
