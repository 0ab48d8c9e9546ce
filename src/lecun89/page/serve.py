"""Serve the page to this machine."""

import webbrowser
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lecun89.exceptions import Lecun89Error


class _Server(ThreadingHTTPServer):
    """Gives the page, and nothing else, to this machine."""

    content = b""


class _Handler(BaseHTTPRequestHandler):
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


def bind(port: int) -> _Server:
    """Take the port before the page is made, which takes seconds.

    Raises:
        Lecun89Error: the port is not to be had.
    """
    try:
        return _Server(("127.0.0.1", port), _Handler)
    except OSError as error:
        raise Lecun89Error(
            f"cannot serve on port {port}: {error.strerror}; choose another --port, or 0"
        ) from error


def run(server: _Server, content: bytes, *, open_it: bool) -> None:
    """Serve the page until Ctrl-C."""
    server.content = content
    address = f"http://127.0.0.1:{server.server_port}/"
    print(f"{address}  Ctrl-C ends it", flush=True)
    if open_it:
        webbrowser.open(address)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
