"""``lecun89 prepare``."""

from typing import Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import UsageError
from lecun89.parsing import expand_home


def prepare(
    data: options.Data = "1989",
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="bundled|download|PATH",
            help="MNIST from this package, a download through torchvision, or a directory: with "
            "MNIST's four IDX files, or USPS's two, packed or not. Verified all the same.",
            show_default="bundled; for usps, download",
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make the digits again and compare; change nothing.")
    ] = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Make the digits ready: 16x16 images from MNIST by the data rule, or the real ones of 1989.

    The other commands do this by themselves. What is ready already is left as it is.
    """
    from lecun89 import data as service

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if source == "":
        raise UsageError("--source '' is empty: leave --source out, or give a directory")
    source = source and expand_home("--source", source)
    directory = options.data_dir(data_dir, data, keep=True)
    prepared = (service.verify if verify else service.prepare)(data, directory, source)
    if source not in (None, "bundled") and not prepared.made and not verify:
        options.note(
            f"{data} is ready already, so that {source} was not read; --verify compares them",
            quiet=quiet,
        )
    if json:
        options.print_json(
            {
                "data": prepared.data,
                "splits": {
                    split: {"total": prepared.totals[split], "sha256": prepared.sha256[split]}
                    for split in service.SPLITS
                },
                "path": str(prepared.path),
            }
        )
        return
    counts = ", ".join(f"{prepared.totals[split]:,} {split}" for split in service.SPLITS)
    done = "verified" if verify else "ready"
    options.print_line(f"{prepared.data}: {counts}; {done} in {prepared.path}")
