"""``lecun89 ladder``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import completion, options
from lecun89.cli.sweep import train_cells
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.sweeps.ladder import Rung, Step


Seeds = Annotated[
    str, typer.Option("--seeds", metavar="LIST", help="Of every rung: 0..9, or 1,5,7.")
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        autocompletion=completion.data,
        envvar="LECUN89_DATA",
        metavar="NAME|all",
        help="1989, full, usps, or all of them.",
    ),
]
Rungs = Annotated[
    str | None,
    typer.Option(
        "--variants", metavar="A,B,C", help="Rungs, in this order.", show_default="base to record"
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        parser=options.path("--plot"),
        metavar="FILE",
        help="Draw it as PNG or SVG (extra plots).",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the --plot file.")]


def ladder(
    seeds: Seeds = "0..9",
    data: Data = "1989",
    variants: Rungs = None,
    out: options.SweepDir = Path("ladder"),
    plot: Plot = None,
    force: Force = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    workers: options.Workers = "auto",
    scheduler: options.Scheduler = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train every rung from 1989 to 2022 on several seeds, and tell which steps are real.

    Beside the mean error and its 95% interval stands what the paper, the blog and the notebook
    have, and whether the rung differs from the one before: paired t-test over seeds, and
    McNemar's test on the first. Run it again to resume: what is finished is not repeated.
    """
    from lecun89 import sweeps
    from lecun89.devices import require_torch
    from lecun89.render import laddertable
    from lecun89.sweeps.ladder import LADDER, climb, ladder_cells, without_untaught

    options.set_up_logging(quiet=quiet, verbose=verbose)
    options.check_one_form(json=json, csv=csv, markdown=markdown)
    if plot is not None:
        _check_plot(plot, force=force)
    where = sweeps.Workers.parse(workers, scheduler)
    require_torch()  # for McNemar's test, at the end
    sets = ["1989", "full", "usps"] if data == "all" else data.split(",")
    directory = options.data_dir(data_dir, *sets)
    names = LADDER if variants is None else variants.split(",")
    cells = ladder_cells(names, sets, seeds, options.environment())
    if variants is None:
        left = sweeps.Sweep(out, cells).left
        waiting = set(left) - set(without_untaught(left, directory))
        cells = [cell for cell in cells if cell not in waiting]
    made = sweeps.Sweep(out, cells)
    sweeps.refuse_failed(train_cells(made, where, directory, quiet=quiet))
    found = {one: climb(made, one, directory) for one in sets}
    if plot is not None:
        _draw(found, plot)
    rows = [row for one in found.values() for row in laddertable.documents(one)]
    if json:
        options.print_json({"rungs": rows})
    elif csv or markdown:
        print(laddertable.as_csv(rows) if csv else laddertable.as_markdown(rows))
    else:
        for name, steps in found.items():
            options.print_table(laddertable.ladder_table(steps, name))


def _check_plot(plot: Path, *, force: bool) -> None:
    from lecun89.render.figures import require_matplotlib

    require_matplotlib()
    if plot.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"--plot {plot} is neither .png nor .svg")
    options.check_file("--plot", plot, force=force, streams=False)


def _draw(found: "dict[str, list[tuple[Rung, Step | None]]]", plot: Path) -> None:
    from lecun89.render import charts
    from lecun89.storage.files import replacing

    kind = plot.suffix.removeprefix(".").lower()
    with replacing(plot) as temporary:
        charts.saver(charts.ladder(found), kind)(temporary)
