"""The Typer application: its commands, and how an error becomes one line and an exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer

from lecun89.cli import (
    bench,
    doctor,
    errors,
    evaluate,
    explain,
    export,
    ladder,
    options,
    page,
    plot,
    prepare,
    read,
    sweep,
    teach,
    train,
    variants,
)
from lecun89.cli.commands import ClickError, Command, Group
from lecun89.cli.signals import StoppedError, end_at_signals
from lecun89.cli.streams import set_up_streams
from lecun89.exceptions import (
    CheckFailedError,
    DataUnavailableError,
    InterruptedRunError,
    Lecun89Error,
    UsageError,
    one_line,
    printable,
    shortened,
)
from lecun89.parsing import parse_switch
from lecun89.version import __version__

_EXIT_CODES: dict[type[Lecun89Error], int] = {
    UsageError: 2,
    CheckFailedError: 3,
    DataUnavailableError: 4,
}

_OF_WRITING = {errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, errno.EDQUOT}


class _Group(Group):
    def main(  # type: ignore[override]  # its other parameters differ between versions of Typer
        self, args: Sequence[str] | None = None, **more: Any
    ) -> Any:
        # --debug stands anywhere on the line, before or after the command.
        args = sys.argv[1:] if args is None else list(args)
        end = args.index("--") if "--" in args else len(args)
        flags = [arg for arg in args[:end] if arg != "--debug"]
        line = flags + args[end:]
        more["standalone_mode"] = False
        try:
            debug = parse_switch("LECUN89_DEBUG", os.environ.get("LECUN89_DEBUG", ""))
        except UsageError as error:
            _report(str(error))
            sys.exit(2)
        sys.exit(
            _exit_code(lambda: super(_Group, self).main(line, **more), debug or len(flags) < end)
        )


def _exit_code(call: Callable[[], Any], debug: bool) -> int:
    try:
        result = call()
        sys.stdout.flush()  # to fail here, if it must, rather than when the interpreter ends
    except (Exception, KeyboardInterrupt, StoppedError) as error:
        if debug:
            print("\n".join(map(printable, traceback.format_exc().splitlines())), file=sys.stderr)
        code, message = _explain(error)
        _report(message)
        return code
    if result == 130:
        _report("interrupted")
    return result if isinstance(result, int) else 0


def _explain(error: BaseException) -> tuple[int, str]:
    if isinstance(error, StoppedError | InterruptedRunError):
        return 128 + error.signum, str(error)
    if isinstance(error, Lecun89Error):
        kinds = [kind for kind in _EXIT_CODES if isinstance(error, kind)]
        return _EXIT_CODES[kinds[0]] if kinds else 1, str(error)
    if isinstance(error, ClickError):
        return 2, shortened(str(error.format_message()), 500)
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(error, ImportError):
        package = (error.name or "a package").partition(".")[0]
        return 1, f"cannot import {package}: {one_line(error)}; install it again"
    if isinstance(error, OSError):
        # Whatever is written to a file names it, see `lecun89.storage.files.replacing`.
        unnamed = error.filename is None and error.errno in _OF_WRITING
        if unnamed:
            options.discard_stdout()
        where = "stdout" if unnamed else shortened(str(error.filename or ""))
        return 1, f"{where}: {error.strerror or error}".removeprefix(": ")
    if isinstance(error, MemoryError) or ("memory" in str(error) and "alloc" in str(error)):
        return 1, f"not enough memory, try a smaller --batch-size: {one_line(error)}"
    return 1, (
        f"internal error, {type(error).__name__}: {one_line(error)}; "
        "--debug shows where, please report it"
    )


def _report(message: str) -> None:
    if "_LECUN89_COMPLETE" in os.environ:  # the line would stand within what somebody types
        return
    # Names in files and on the command line may hold what a terminal would act on.
    line = printable(" ".join(message.split()))
    with suppress(OSError):  # nobody may be there to read it
        print(f"error: {line}", file=sys.stderr, flush=True)


app = typer.Typer(
    name="lecun89",
    cls=_Group,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 runtime error; 2 usage; 3 a check failed; 4 no data; 128 + N "
    "after signal N, saved. An error is one line on stderr.",
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"lecun89 {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; works behind every command.")
    ] = False,
) -> None:
    """LeCun et al. 1989, the 9,760-parameter zip-code network, trained on your machine.

    Start with `lecun89 train`: the digits are in the package.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


_COMMANDS: dict[str, Callable[..., None]] = {
    "prepare": prepare.prepare,
    "train": train.train,
    "eval": evaluate.evaluate,
    "ladder": ladder.ladder,
    "sweep": sweep.sweep,
    "teach": teach.teach,
    "errors": errors.errors,
    "bench": bench.bench,
    "plot": plot.plot,
    "page": page.page,
    "read": read.read,
    "explain": explain.explain,
    "export": export.export,
    "variants": variants.variants,
    "doctor": doctor.doctor,
}
for _name, _function in _COMMANDS.items():
    app.command(_name, cls=Command)(_function)


def main() -> None:
    """Run the command line and exit."""
    set_up_streams()
    end_at_signals(lambda: app(prog_name="lecun89"))
