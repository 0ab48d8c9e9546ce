"""``lecun89 page``."""

import http.server
import webbrowser
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import Lecun89Error, UsageError

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
    from lecun89.storage.files import is_stdout, writing
    from lecun89.training.trained import open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    _check_together(out, port, serve=serve, json=json)
    path = out or Path("lecun89.html")
    options.check_stdout(path, json=json)
    if not serve:
        options.check_file("--out", path, force=force or is_page(path))
    bound = _bind(_PORT if port is None else port) if serve else nullcontext()
    with bound as server:
        trained = open_trained(weights, runs_dir, variant)
        content = assemble(
            [name.strip() for name in variants.split(",")],
            [Shown(Path(weights).stem, trained.weights)],
            options.data_dir(data_dir, "1989"),
        )
        if server is not None:
            _serve(server, content, open_it=open_it)
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


class _Server(http.server.ThreadingHTTPServer):
    """Gives the page, and nothing else, to this machine."""

    content = b""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = self.path.partition("?")[0] == "/"
        content = self.server.content if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Say nothing of requests."""


def _bind(port: int) -> _Server:
    """Take the port before the page is made, which takes seconds."""
    try:
        return _Server(("127.0.0.1", port), _Handler)
    except OSError as error:
        raise Lecun89Error(
            f"cannot serve on port {port}: {error.strerror}; choose another --port, or 0"
        ) from error


def _serve(server: _Server, content: bytes, *, open_it: bool) -> None:
    """Serve the page until Ctrl-C."""
    server.content = content
    address = f"http://127.0.0.1:{server.server_port}/"
    print(f"{address}  Ctrl-C ends it", flush=True)
    if open_it:
        webbrowser.open(address)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
