"""``lecun89 sweep``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.sweeps import Sweep, SweepResult, Workers


def sweep(
    file: Annotated[
        Path | None,
        typer.Argument(
            parser=options.path("FILE.toml"), metavar="FILE.toml", help="What to vary, as TOML."
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="KEY=A,B,C",
            help="What to vary: variant, data, seeds, passes, lr, batch-size, engine, device, or a "
            "key of --assume; may be given several times.",
            show_default=False,
        ),
    ] = None,
    out: options.SweepDir = Path("sweep"),
    workers: options.Workers = "auto",
    scheduler: options.Scheduler = None,
    dry_run: options.DryRun = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train every combination of some values, on all cores or on a cluster.

    Each gets a run, and a line of table.csv when it ends. Run it again to resume: what is finished
    is not repeated.
    """
    from lecun89 import sweeps

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if (file is None) == (not grid):
        raise UsageError("give either a FILE.toml or --grid")
    where = sweeps.Workers.parse(workers, scheduler)
    grids = [sweeps.parse_pairs(grid or ())] if file is None else sweeps.read_grids(file)
    cells = sweeps.expand_all(grids, options.environment())
    if dry_run:
        finished = len(sweeps.Sweep(out, cells).finished) if (out / "runs").exists() else 0
        if json:
            documents = [cell.as_document() for cell in cells]
            options.print_json({"cells": documents, "finished": finished})
            return
        for label in sweeps.labels(cells).values():
            options.print_words(label)
        options.print_line(f"{len(cells):,} cells, {finished:,} finished in {out}")
        return
    made = sweeps.Sweep(out, cells)
    result = train_cells(made, where, data_dir, quiet=quiet)
    table = out / sweeps.TABLE
    if json:
        failed = [{**cell.as_document(), "reason": why} for cell, why in result.failed.items()]
        options.print_json({"table": str(table), "rows": made.rows(), "failed": failed})
    else:
        options.print_line(table)
    sweeps.refuse_failed(result)


def train_cells(
    made: "Sweep", where: "Workers", data_dir: Path | None, *, quiet: bool
) -> "SweepResult":
    """Train what is left of a sweep, with a line or a bar as cells end."""
    from lecun89 import sweeps
    from lecun89.cli.signals import stop_signals
    from lecun89.render.progress import CellsDisplay

    with stop_signals() as stop_signal, CellsDisplay(made, quiet=quiet) as display:
        return sweeps.train(
            made,
            where,
            options.data_dir(data_dir, *{cell.data for cell in made.left}),
            stop_signal=stop_signal,
            on_cell=display.show_cell,
            on_progress=display.show_progress,
        )
