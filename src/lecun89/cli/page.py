"""``lecun89 page``."""

import webbrowser
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import UsageError

_PORT = 8989


def page(
    out: Annotated[Path | None, options.out("lecun89.html here", "FILE", "The file.")] = None,
    variants: Annotated[
        str,
        typer.Option(
            "--variants", metavar="NAMES", help="What the page trains; the first is chosen."
        ),
    ] = "base,modern,paper",
    weights: Annotated[
        str, options.weights("The network in it when it opens: record, a run, or a weights file.")
    ] = "record",
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Write no file: serve it to this machine alone.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            parser=options.number("--port", int),
            metavar="N",
            help="Of --serve; 0 for any that is free.",
            show_default=str(_PORT),
        ),
    ] = None,
    force: options.ReplaceFile = False,
    variant: options.OtherVariant = None,
    data_dir: options.DataDir = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write one HTML file that trains the network, reads what is drawn, and shows every layer.

    It works offline, also on a phone, and sends nothing.
    """
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.page.assemble import assemble, is_page
    from lecun89.page.facts import Shown
    from lecun89.page.serve import bind, run
    from lecun89.storage.files import is_stdout, writing
    from lecun89.training.trained import open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    _check_together(out, port, serve=serve, json=json)
    path = out or Path("lecun89.html")
    options.check_stdout(path, json=json)
    if not serve:
        options.check_file("--out", path, force=force or is_page(path))
    bound = bind(_PORT if port is None else port) if serve else nullcontext()
    with bound as server:
        trained = open_trained(weights, runs_dir, variant)
        content = assemble(
            [name.strip() for name in variants.split(",")],
            [Shown(Path(weights).stem, trained.weights)],
            options.data_dir(data_dir, "1989"),
        )
        if server is not None:
            run(server, content, open_it=open_it)
            return
    with writing(path) as temporary:
        temporary.write_bytes(content)
    if open_it:
        webbrowser.open(path.resolve().as_uri())
    if json:
        options.print_json({"files": [str(path)], "bytes": len(content)})
    elif not is_stdout(path):
        options.print_line(path)


def _check_together(out: Path | None, port: int | None, *, serve: bool, json: bool) -> None:
    if serve and (out is not None or json):
        raise UsageError(f"--serve writes no file: leave out {'--json' if json else '--out'}")
    if port is not None and not serve:
        raise UsageError("--port only applies to --serve")
    if port is not None and not 0 <= port <= 65_535:
        raise UsageError(f"--port must be 0 to 65535, not {port}")
