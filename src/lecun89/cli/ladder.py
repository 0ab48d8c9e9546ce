"""``lecun89 ladder``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options
from lecun89.cli.sweep import (
    Out,
    Scheduler,
    Workers,
    check_places,
    refuse_failed,
    train_cells,
)
from lecun89.exceptions import DataUnavailableError, UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.sweeps import Sweep
    from lecun89.sweeps.ladder import McNemar, Rung, Step
    from lecun89.training.runs import Run


def ladder(
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="LIST", help="Of every rung: 0..9, or 1,5,7.")
    ] = "0..9",
    data: Annotated[
        str,
        typer.Option("--data", metavar="NAME|all", help="1989, full, usps, or all of them."),
    ] = "1989",
    variants: Annotated[
        str | None,
        typer.Option(
            "--variants",
            metavar="A,B,C",
            help="Rungs, in this order.",
            show_default="base to record",
        ),
    ] = None,
    out: Out = Path("ladder"),
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            parser=options.path("--plot"),
            metavar="FILE",
            help="Draw it as PNG or SVG (extra plots).",
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as Markdown.")] = False,
    workers: Workers = "auto",
    scheduler: Scheduler = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train every rung from 1989 to 2022 on several seeds, and tell which steps are real.

    Beside the mean error and its 95% interval stands what the paper, the blog and the notebook
    have, and whether the rung differs from the one before: paired t-test over seeds, and
    McNemar's test on the first. Run it again to go on: what is finished is not repeated.
    """
    from lecun89 import sweeps
    from lecun89.devices import require_torch
    from lecun89.render import laddertable
    from lecun89.render.charts import ladder as draw_ladder
    from lecun89.render.charts import require_matplotlib, saver
    from lecun89.storage.files import replacing
    from lecun89.sweeps.ladder import LADDER

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if sum((json, csv, markdown)) > 1:
        raise UsageError("--json, --csv and --markdown contradict each other: give one of them")
    if plot is not None:
        require_matplotlib()
        if plot.suffix.lower() not in (".png", ".svg"):
            raise UsageError(f"--plot {plot} is neither .png nor .svg")
        options.check_file("--plot", plot)
    check_places(workers, scheduler)
    require_torch()  # for McNemar's test, at the end
    names = list(LADDER) if variants is None else variants.split(",")
    sets = ["1989", "full", "usps"] if data == "all" else data.split(",")
    cells = [
        cell
        for one in sets
        for cell in sweeps.expand({"variant": names, "data": [one], "seeds": [seeds]})
    ]
    made = sweeps.Sweep(out, cells)
    if variants is None:
        untaught = _untaught(made.left, data_dir, quiet=quiet)
        if untaught:
            cells = [cell for cell in cells if (cell.variant, cell.data) not in untaught]
            made = sweeps.Sweep(out, cells)
    refuse_failed(train_cells(made, workers, scheduler, data_dir, quiet=quiet))
    found = {one: _steps(made, one, data_dir) for one in sets}
    if plot is not None:
        kind = plot.suffix.removeprefix(".").lower()
        with replacing(plot) as temporary:
            saver(draw_ladder(found), kind)(temporary)
    rows = [row for one in found.values() for row in laddertable.documents(one)]
    if json:
        options.print_json({"rungs": rows})
    elif csv or markdown:
        print(laddertable.as_csv(rows) if csv else laddertable.as_markdown(rows))
    else:
        for name, steps in found.items():
            options.print_table(laddertable.ladder_table(steps, name))


def _untaught(
    cells: "list[Settings]", data_dir: Path | None, *, quiet: bool
) -> set[tuple[str, str]]:
    """Variants, and their data, that wait for the labels of a teacher."""
    from lecun89.data import read_labels
    from lecun89.variants import get_variant

    found = set()
    for variant, data in dict.fromkeys((cell.variant, cell.data) for cell in cells):
        trained = get_variant(variant).on(data)
        try:
            if trained.teacher:
                read_labels(data, trained, options.data_dir(data_dir))
        except DataUnavailableError as error:
            options.note(f"the rung {variant} on {data} is left out: {error}", quiet=quiet)
            found.add((variant, data))
    return found


def _steps(made: "Sweep", data: str, data_dir: Path | None) -> "list[tuple[Rung, Step | None]]":
    from lecun89.sweeps.ladder import Rung, compare_rungs

    runs: dict[str, list[Run]] = {}
    for cell in made.cells:
        if cell.data == data:
            runs.setdefault(cell.variant, []).append(made.finished[cell])
    steps: list[tuple[Rung, Step | None]] = []
    for variant, of in runs.items():
        results = [run.read_metrics() for run in of]
        rung = Rung(
            variant,
            data,
            tuple(run.settings.seed for run in of),
            tuple(passes[-1] for passes in results),
            tuple(sum(result.seconds for result in passes) for passes in results),
        )
        step = None
        if steps:
            before = steps[-1][0]
            mcnemar = _mcnemar(runs[before.variant][0], of[0], data, data_dir)
            step = compare_rungs(before, rung, mcnemar)
        steps.append((rung, step))
    return steps


def _mcnemar(before: "Run", after: "Run", data: str, data_dir: Path | None) -> "McNemar":
    from lecun89.analysis.misses import compare, find_misses
    from lecun89.data import load
    from lecun89.network.modules import network_of
    from lecun89.sweeps.ladder import McNemar

    digits = load(data, "test", options.data_dir(data_dir))
    networks = [network_of(run.read_weights()) for run in (before, after)]
    found = [find_misses(network, digits) for network in networks]
    compared = compare(*found)
    return McNemar(len(compared.fixed), len(compared.broken), compared.p_value)
