"""``lecun89 sweep``."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import Lecun89Error, UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.sweeps import Sweep, SweepResult
    from lecun89.sweeps.pools import Pool
    from lecun89.variants import Variant

Workers = Annotated[
    str,
    typer.Option(
        "--workers",
        envvar="LECUN89_WORKERS",
        metavar="N|auto",
        help="Processes on this machine; auto is one for each core.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        parser=options.path("--out"),
        metavar="DIR",
        help="Directory of its runs and table.csv.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Train on a Dask cluster, such as tcp://10.0.0.1:8786 (extra cluster).",
    ),
]


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
    out: Out = Path("sweep"),
    workers: Workers = "auto",
    scheduler: Scheduler = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells and which are finished.")
    ] = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train every combination of some values, on all cores or on a cluster.

    Each lands as a run and a line of table.csv when it ends. Run it again to go on: what is
    finished is not repeated.
    """
    from lecun89 import sweeps
    from lecun89.sweeps.grid import parse_pairs

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if (file is None) == (not grid):
        raise UsageError("give either a FILE.toml or --grid")
    check_places(workers, scheduler)
    grids = [parse_pairs(grid or ())] if file is None else sweeps.read_grids(file)
    cells = sweeps.expand_all(grids)
    if dry_run:
        made = sweeps.Sweep(out, cells) if (out / "runs").exists() else None
        done = len(made.finished) if made else 0
        if json:
            documents = [cell.as_document() for cell in cells]
            options.print_json({"cells": documents, "finished": done})
        else:
            for cell in cells:
                print(f"{cell.variant} on {cell.data}, lr {cell.lr:g}, seed {cell.seed}")
            options.print_line(f"{len(cells):,} cells, {done:,} finished in {out}")
        return
    made = sweeps.Sweep(out, cells)
    result = train_cells(made, workers, scheduler, data_dir, quiet=quiet)
    table = out / "table.csv"
    if json:
        rows = made.rows()
        failed = [{**cell.as_document(), "reason": why} for cell, why in result.failed.items()]
        options.print_json({"table": str(table), "rows": rows, "failed": failed})
    else:
        options.print_line(table)
    refuse_failed(result)


def train_cells(
    made: "Sweep", workers: str, scheduler: str | None, data_dir: Path | None, *, quiet: bool
) -> "SweepResult":
    """Train what is left of a sweep, with a line or a bar as cells end."""
    from lecun89 import sweeps
    from lecun89.cli.signals import stop_signals
    from lecun89.data import digests, load_training
    from lecun89.render.progress import CellsDisplay

    directory, variants = options.data_dir(data_dir), variants_on(made.left)
    splits = {name: load_training(name, of, directory) for name, of in variants.items()}
    at_a_time = processes(workers)

    def make_pool() -> "AbstractContextManager[Pool]":
        if scheduler is not None:
            return sweeps.remote_pool(scheduler, splits)
        return sweeps.local_pool(at_a_time, directory, variants)

    sha256 = {}
    for name, of in splits.items():
        trained = [variant.on(name) for variant in variants[name]]
        sha256[name] = digests(of, max(trained, key=lambda variant: variant.teacher))
    with stop_signals() as stop_signal, CellsDisplay(made, quiet=quiet) as display:
        return made.train(make_pool, sha256, stop_signal=stop_signal, on_cell=display.show_cell)


def check_places(workers: str, scheduler: str | None) -> None:
    """Refuse workers and a scheduler that cannot be, before any work is done.

    Raises:
        UsageError: the number or the address is none.
        MissingExtraError: the scheduler's package is not installed or broken.
    """
    from lecun89.sweeps.pools import check_address

    processes(workers)
    if scheduler is not None:
        check_address(scheduler)


def processes(text: str) -> int:
    """Processes to train with; auto is one for each core.

    Raises:
        UsageError: it is neither auto nor a number of at least 1.
    """
    from lecun89.devices import usable_cores

    return options.worker_count(text, usable_cores())


def refuse_failed(result: "SweepResult") -> None:
    """End the command when cells failed.

    Raises:
        Lecun89Error: some did; the message has the first reason.
    """
    if result.failed:
        total = len(result.failed) + len(result.finished)
        reason = next(iter(result.failed.values()))
        raise Lecun89Error(f"{len(result.failed)} of {total} cells failed: {reason}")


def variants_on(cells: "list[Settings]") -> "dict[str, list[Variant]]":
    """The variants that cells train, by name of the data they train on."""
    from lecun89.variants import get_variant

    found: dict[str, list[Variant]] = {}
    for name, data in dict.fromkeys((cell.variant, cell.data) for cell in cells):
        found.setdefault(data, []).append(get_variant(name))
    return found
