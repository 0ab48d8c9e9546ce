"""A whole measurement: every way's cost, then every way's race or projection."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from lecun89 import devices
from lecun89.bench.cost import measure_cost
from lecun89.bench.machine import Peak, measure_peak
from lecun89.bench.race import Race, run_race
from lecun89.bench.report import Row
from lecun89.bench.ways import RECIPES, Recipe, Way
from lecun89.data import Digits
from lecun89.exceptions import one_line


def measure_rows(
    ways: Sequence[Way],
    variant: str,
    splits: dict[str, Digits],
    seconds: float,
    on_start: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, str]]:
    """The cost of each way, and of those that broke, how.

    Args:
        ways: what to measure.
        variant: name of the variant.
        splits: digits of ``train`` and ``test``.
        seconds: to spend on all of them together, more or less.
        on_start: told what is measured next.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    peaks: dict[str, Peak] = {}
    for way in ways:
        on_start(f"measuring: {way.name}, {way.device}, {way.engine}")
        try:
            devices.set_up(way.device, 1)
            if way.device not in peaks:
                peaks[way.device] = measure_peak(way.device)
            times = measure_cost(way, variant, splits, seconds / len(ways))
        except Exception as error:  # a device out of memory or order says so in many ways
            broken[f"{way.name} on {way.device}, {way.engine}"] = one_line(error)
        else:
            rows.append(Row(way, times, peaks[way.device]))
    return rows, broken


def race_rows(
    rows: Sequence[Row],
    splits: dict[str, Digits],
    seeds: Sequence[int],
    target: float,
    seconds: float | None,
    on_start: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, str]]:
    """The rows with their races, or with projections where a race takes too long.

    The second value tells of those whose race broke, how.

    Args:
        rows: of `measure_rows`.
        splits: digits of ``train`` and ``test``.
        seeds: the seeds of each race.
        target: the mean test error to reach, in percent.
        seconds: to spend on all of them together; None for as long as they take.
        on_start: told what is trained next.
    """
    raced = []
    broken: dict[str, str] = {}
    left = seconds
    for row in rows:
        way, recipe = row.way, RECIPES.get(row.way.batch_size)
        if recipe is None or way.networks > 1:
            raced.append(row)
            continue
        on_start(f"training {len(seeds)} seeds: {way.name}, {way.device}, {way.engine}")
        try:
            row = _raced(row, recipe, splits, seeds, target, left)
        except Exception as error:  # as above
            broken[f"training, {way.name} on {way.device}, {way.engine}"] = one_line(error)
        if row.race is not None and left is not None:
            left -= sum(row.race.seconds)
        raced.append(row)
    # The same steps end at the same error, whatever executes them.
    known = {row.way.batch_size: row.error for row in raced if row.race is not None}
    return [
        row if row.race is not None else replace(row, projected_error=known.get(row.way.batch_size))
        for row in raced
    ], broken


def _raced(
    row: Row,
    recipe: Recipe,
    splits: dict[str, Digits],
    seeds: Sequence[int],
    target: float,
    left: float | None,
) -> Row:
    devices.set_up(row.way.device, 1)
    step = statistics.median(measure_cost(row.way, recipe.variant, splits, 0.2))
    projected = recipe.steps(row.way.batch_size) * step
    if left is not None and len(seeds) * projected > left:
        return replace(row, recipe=recipe, projected_seconds=projected)
    runs = list(run_race(row.way, recipe, splits, seeds))
    times, setup, errors = (list(column) for column in zip(*runs, strict=True))
    return replace(row, recipe=recipe, race=Race(times, setup, errors, target))
