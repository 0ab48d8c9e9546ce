"""``lecun89 bench``."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import (
    CheckFailedError,
    DeviceError,
    UsageError,
    shortened,
)

if TYPE_CHECKING:
    from lecun89.bench import Comparison, Row

_QUICK_SECONDS = 8.0  # for the costs of all ways, more or less
_COST_SECONDS = 20.0
_RACE_SECONDS = 75.0  # for the races that fit


def bench(
    variant: options.Variant = "base",
    device: options.Device = "auto",
    until_error: Annotated[
        float,
        typer.Option(
            "--until-error",
            parser=options.number("--until-error", float),
            metavar="PERCENT",
            help="The mean test error to reach; the paper's is 5.0.",
        ),
    ] = 4.1,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="LIST", help="Seeds that train to the error.")
    ] = "0..9",
    quick: Annotated[
        bool, typer.Option("--quick", help="Costs alone, in at most 20 seconds.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Train every seed of every way, however long it takes.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            parser=options.path("--save"),
            metavar="FILE",
            help="Write the result as JSON.",
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            parser=options.path("--compare"),
            metavar="FILE",
            help="Set a saved result beside this one.",
        ),
    ] = None,
    fail_if: Annotated[
        str | None,
        typer.Option(
            "--fail-if",
            metavar="slower:PERCENT",
            help="Exit with 3 when a row is slower than in --compare by more than that.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compare with another machine, replace what --save names."),
    ] = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure what a step costs, and how long training takes to a given error, in every way.

    Rows marked ~ are projected from the cost of a step. The rules are in docs/bench.md.
    """
    from lecun89 import bench as service
    from lecun89 import devices
    from lecun89.data import load
    from lecun89.parsing import parse_seeds
    from lecun89.storage.files import write_json
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    get_variant(variant)
    devices.check_name(device)
    if not 0 < until_error < 100:
        raise UsageError(f"--until-error {until_error} is out of range: above 0, below 100")
    if quick and full:
        raise UsageError("--quick and --full contradict each other: give one of them")
    slower = _slower(fail_if, compare)
    numbers = parse_seeds(seeds)
    then = None if compare is None else service.read_result(compare)
    if save is not None:
        _check_save(save, force=force)
    splits = {split: load("1989", split, options.data_dir(data_dir)) for split in ("train", "test")}
    ways, absent = service.list_ways(device)
    if not ways:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
        raise DeviceError(f"nothing to measure on {device}: {reasons or 'no such device'}")

    machine = service.describe(ways[-1].device)
    configuration = {
        "variant": variant,
        "data": "1989",
        "until_error": until_error,
        "seeds": numbers,
        "quick": quick,
        "full": full,
    }
    if then is not None:  # measuring takes a while, and must not be in vain
        service.compare({"rows": [{**vars(way), "us_per_step": 1.0} for way in ways]}, then)
        if not force:
            now = {"machine": machine, "configuration": configuration}
            service.check_comparable(now, then)
    if (warning := service.busy(machine)) is not None:
        options.note(f"warning: {warning}; times will be too long", quiet=quiet)

    def note(text: str) -> None:
        options.note(text, quiet=quiet)

    costs = _QUICK_SECONDS if quick else _COST_SECONDS
    rows, broken = service.measure_rows(ways, variant, splits, costs, note)
    absent |= broken
    if not rows:
        raise DeviceError(f"nothing could be measured: {next(iter(broken.items()))}")
    if not quick:
        seconds = None if full else _RACE_SECONDS
        rows, broken = service.race_rows(rows, splits, numbers, until_error, seconds, note)
        absent |= broken
    document = service.as_document(rows, absent, machine, configuration)
    comparisons = [] if then is None else service.compare(document, then)
    if save is not None:
        write_json(save, {"schema_version": 1, **document})
    if json:
        if then is not None:
            document["comparison"] = [vars(one) for one in comparisons]
        options.print_json(document)
    else:
        _print(rows, absent, machine, variant, until_error, comparisons, quick=quick)
    worst = max(comparisons, key=lambda one: one.ratio, default=None)
    if slower is not None and worst is not None and worst.ratio > 1 + slower / 100:
        raise CheckFailedError(
            f"{worst.name} on {worst.device}, {worst.engine} takes {worst.ratio:.2f} times as "
            f"long a step as in {compare}"
        )


def _check_save(path: Path, *, force: bool) -> None:
    options.check_file("--save", path)
    if path.exists() and not force:
        raise UsageError(f"--save {path} exists: choose another file, or give --force")


def _slower(text: str | None, compare: Path | None) -> float | None:
    if text is None:
        return None
    if compare is None:
        raise UsageError("--fail-if needs --compare: give the result to compare with")
    match = re.fullmatch(r"slower:(\d+(?:\.\d+)?)%?", text, re.ASCII)
    if match is None:
        raise UsageError(f"--fail-if {shortened(text)!r} is not like slower:10%")
    return float(match[1])


def _print(
    rows: "list[Row]",
    absent: dict[str, str],
    machine: dict[str, Any],
    variant: str,
    target: float,
    comparisons: "list[Comparison]",
    *,
    quick: bool,
) -> None:
    from lecun89.render.benchtable import comparison_table, cost_table, race_table

    options.print_table(cost_table(rows, f"{variant} on 1989, {machine['cpu']}"))
    for name, reason in absent.items():
        options.print_line(f"not measured: {name}: {reason}")
    if not quick:
        options.print_table(race_table(rows, target))
    for device, peak in {row.way.device: row.peak for row in rows}.items():
        each = " of one core" if device == "cpu" else ""
        print(
            f"peak{each} of {device}: {peak.flops / 1e9:,.0f} GFLOP/s in a matrix product, "
            f"{peak.bytes / 1e9:,.0f} GB/s in a copy"
        )
    if comparisons:
        options.print_table(comparison_table(comparisons))
    print(
        "~ is projected: steps times their measured cost. 23 passes are the paper's, at any "
        "batch size."
    )
