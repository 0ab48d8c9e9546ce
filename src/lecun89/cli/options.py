"""Options and arguments that several commands share, each declared once."""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from lecun89.cli import completion
from lecun89.exceptions import UsageError, printable, shortened
from lecun89.parsing import expand_home, parse_number

if TYPE_CHECKING:
    from rich.console import Console

    from lecun89.analysis.scores import Score

_LONGEST_PATH = 4096  # of Linux; elsewhere it is less


def number(flag: str, kind: type[int] | type[float]) -> Callable[[Any], Any]:
    """A parser of one flag's value, or default, whose error names flag and value."""
    return lambda value: parse_number(flag, str(value), kind)


def path(flag: str) -> Callable[[Any], Path]:
    """A parser of one flag's path: an unset variable of the shell and a flag are none.

    ``~`` is expanded where the shell did not do it, as in ``--out=~/x``.
    """

    def parse(text: Any) -> Path:
        if len(str(text)) > _LONGEST_PATH:
            raise UsageError(f"{flag} {shortened(str(text))!r} is too long for a path")
        if str(text) == "":
            raise UsageError(f"{flag} '' is empty: leave {flag} out, or give a path")
        if str(text).startswith("-"):
            raise UsageError(f"{flag} {text!r} looks like a flag: give a path, such as ./{text}")
        return Path(expand_home(flag, str(text)))

    return parse


def target(text: Any) -> str:
    """A parser of what names a run or a file, in which ``~`` is expanded, too."""
    return expand_home("RUN", str(text))


def check_file(flag: str, path: Path, *, force: bool, streams: bool = True) -> None:
    """Refuse a flag's path to which no file can be written, before the work for it is done.

    Args:
        flag: that gave it.
        path: of the file.
        force: whether a regular file that is there may be replaced.
        streams: whether it may be a pipe or a device, such as /dev/stdout.

    Raises:
        UsageError: it is a directory, or in none, or there is something that is not replaced.
    """
    from lecun89.storage.files import is_stream, refuse_special

    if path.is_dir():
        raise UsageError(f"{flag} {path} is a directory: give a file")
    if not path.parent.is_dir():
        raise UsageError(f"{flag} {path}: there is no directory {path.parent}")
    if streams and is_stream(path):
        return
    refuse_special(path)
    if (path.exists() or path.is_symlink()) and not force:
        raise UsageError(f"{flag} {path} exists: choose another file, or use --force")


Variant = Annotated[
    str,
    typer.Option(
        "--variant",
        autocompletion=completion.variants,
        envvar="LECUN89_VARIANT",
        metavar="NAME",
        help="What to train: a name that `lecun89 variants` lists, or NAME+KEY=VALUE.",
    ),
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        autocompletion=completion.data,
        envvar="LECUN89_DATA",
        metavar="NAME",
        help="1989: 7,291 / 2,007 digits; full: 50,000 / 10,000; usps: the real ones of 1989; "
        "NAME-tune: tested on the validation digits; usps-fold0 to usps-fold9: on a tenth of "
        "the training digits, left out in training.",
    ),
]
OtherData = Annotated[
    str | None,
    typer.Option(
        "--data",
        autocompletion=completion.data,
        envvar="LECUN89_DATA",
        metavar="NAME",
        help="1989, full, usps, or one of them with -tune.",
        show_default="what it was trained on",
    ),
]
OtherVariant = Annotated[
    str | None,
    typer.Option(
        "--variant",
        autocompletion=completion.variants,
        metavar="NAME",
        help="The network that a state dict of others belongs to, if not LECUN89_VARIANT.",
        show_default="what the run or file says",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that this did not write.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        autocompletion=completion.devices,
        envvar="LECUN89_DEVICE",
        metavar="NAME",
        help="auto, cpu, cuda[:N] or mps.",
    ),
]
Threads = Annotated[
    str,
    typer.Option(
        "--threads",
        envvar="LECUN89_THREADS",
        metavar="N|auto",
        help="CPU threads; auto: every core for the native engine, one for PyTorch.",
    ),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        autocompletion=completion.splits_or_all,
        metavar="NAME",
        help="train, validation, test or all.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=path("--data-dir"),
        envvar="LECUN89_DATA_DIR",
        metavar="DIR",
        help="Where prepared digits are kept.",
        show_default="the platform's cache",
    ),
]
RunsDir = Annotated[
    Path,
    typer.Option(
        "--runs-dir",
        parser=path("--runs-dir"),
        envvar="LECUN89_RUNS_DIR",
        metavar="DIR",
        help="Where runs are kept.",
    ),
]


def networks(help_text: str, *, several: bool = False) -> Any:
    """The argument that names trained networks."""
    return typer.Argument(
        parser=target,
        autocompletion=completion.networks,
        metavar=f"[RUN|FILE]{'...' if several else ''}",
        help=help_text,
        show_default="the newest run",
    )


def weights(help_text: str) -> Any:
    """The option that names a trained network."""
    return typer.Option(
        "--weights",
        autocompletion=completion.networks,
        parser=target,
        metavar="RUN",
        help=help_text,
    )


def _percent(text: Any) -> float:
    value = float(number("--reject-for", float)(str(text).removesuffix("%")))
    if not 0 <= value <= 100:
        raise UsageError(f"--reject-for {shortened(str(text))} is out of range: 0% to 100%")
    return value


def reject_for(help_text: str, show_default: str | bool = True) -> Any:
    """The option that says for which error doubtful digits are rejected."""
    return typer.Option(
        "--reject-for",
        parser=_percent,
        metavar="P%",
        help=help_text,
        show_default=show_default,
    )


def split(help_text: str) -> Any:
    """The option that names one split."""
    return typer.Option("--split", autocompletion=completion.splits, metavar="NAME", help=help_text)


def out(show_default: str, metavar: str = "DIR", help_text: str = "Where files go.") -> Any:
    """The option that names a directory for pictures and tables, or one file."""
    return typer.Option(
        "--out",
        parser=path("--out"),
        metavar=metavar,
        help=help_text,
        show_default=show_default,
    )


ReplaceFile = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
RunArgument = Annotated[
    str | None,
    networks("A run, a weights file, a state dict of others, or record: published weights."),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print it as CSV.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print it as Markdown.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result alone.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print more on stderr.")]


def check_stdout(path: Path, *, json: bool) -> None:
    """Refuse a document on a stdout to which a file is written.

    Raises:
        UsageError: both were asked for.
    """
    from lecun89.storage.files import is_stdout

    if json and is_stdout(path):
        raise UsageError(f"--json and --out {path} cannot be combined")


def check_one_form(*, json: bool, csv: bool, markdown: bool) -> None:
    """Refuse several forms of one result.

    Raises:
        UsageError: more than one was asked for.
    """
    if json + csv + markdown > 1:
        raise UsageError("--json, --csv and --markdown cannot be combined")


def source(context: typer.Context, name: str) -> str | None:
    """Where a parameter's value is from: ``flag``, ``environment``, or None for its default."""
    found = context.get_parameter_source(name)
    known = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment"}
    return None if found is None else known.get(found.name)


def environment() -> dict[str, str]:
    """The values of a training that variables set, by their keys in a grid."""
    names = ("variant", "data", "seed", "passes", "lr", "batch-size", "device", "engine", "threads")
    found = {key: os.environ.get(f"LECUN89_{key.upper().replace('-', '_')}") for key in names}
    return {key: text for key, text in found.items() if text}


def data_dir(given: Path | None, *names: str, keep: bool = False) -> Path:
    """The data directory: as given, or the platform's cache, or a temporary one.

    Args:
        given: by a flag or the environment.
        names: of the data sets that will be loaded.
        keep: whether what will be made must outlast this process.

    Raises:
        DataUnavailableError: none is given, and there is none that would do.
    """
    from lecun89.data import usable_data_dir

    return usable_data_dir(names, keep=keep) if given is None else given


Assume = Annotated[
    list[str] | None,
    typer.Option(
        "--assume",
        metavar="KEY=VALUE",
        help="What the paper leaves open, see `lecun89 explain`, or a field of the variant, as "
        "activation=silu; may be given several times.",
        show_default=False,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        autocompletion=completion.engines,
        envvar="LECUN89_ENGINE",
        metavar="NAME",
        help="auto, native (C++), eager (PyTorch) or graph (PyTorch, many networks at once).",
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size",
        envvar="LECUN89_BATCH_SIZE",
        metavar="N|full",
        help="Examples in a step.",
        show_default="the variant's",
    ),
]
Passes = Annotated[
    int | None,
    typer.Option(
        "--passes",
        parser=number("--passes", int),
        envvar="LECUN89_PASSES",
        metavar="N",
        help="Passes over the training digits.",
        show_default="the variant's",
    ),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--lr",
        parser=number("--lr", float),
        envvar="LECUN89_LR",
        metavar="F",
        help="Learning rate of the first pass, or where a cycle is highest.",
        show_default="the variant's",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        parser=number("--seed", int),
        envvar="LECUN89_SEED",
        metavar="N",
        help="Decides every random draw.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="LIST", help="One network for each seed: 0..9, or 1,5,7."),
]
Workers = Annotated[
    str,
    typer.Option(
        "--workers",
        envvar="LECUN89_WORKERS",
        metavar="N|auto",
        help="Networks at a time; auto is one for each core, or as many as a GPU trains at once.",
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
Resume = Annotated[
    list[str] | None,
    typer.Option(
        "--resume",
        parser=target,
        autocompletion=completion.resumable,
        metavar="RUN",
        help="Resume a run, or the directory of several seeds; more --passes extend it.",
        show_default=False,
    ),
]
CheckpointSeconds = Annotated[
    float,
    typer.Option(
        "--checkpoint-seconds",
        parser=number("--checkpoint-seconds", float),
        metavar="S",
        help="Save the state this often within a pass; it is saved after passes anyway.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print what would be trained and how long it takes, and end."),
]
TensorBoard = Annotated[
    bool,
    typer.Option("--tensorboard", help="Write event files into the run (extra tensorboard)."),
]
PlotCurves = Annotated[
    bool, typer.Option("--plot", help="Draw the curves into the run at the end (extra plots).")
]
SweepDir = Annotated[
    Path,
    typer.Option(
        "--out",
        parser=path("--out"),
        metavar="DIR",
        help="Directory of its runs and table.csv.",
    ),
]


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Send the package's log lines to stderr.

    Raises:
        UsageError: both flags were given.
    """
    if quiet and verbose:
        raise UsageError("-q and -v cannot be combined")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("lecun89: %(message)s"))
    logger = logging.getLogger("lecun89")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING)


def note(text: str, *, quiet: bool = False) -> None:
    """A line on stderr that is no error."""
    if not quiet:
        print(_in_words(printable(text), sys.stderr), file=sys.stderr, flush=True)


def print_words(text: str) -> None:
    """A line on stdout, which a narrow terminal wraps between words, so that no number is cut."""
    if sys.stdout.isatty():
        print(_in_words(printable(text), sys.stdout))
    else:
        print_line(text)


def _in_words(text: str, stream: TextIO) -> str:
    if not stream.isatty():
        return text
    from lecun89.render.console import make_console
    from lecun89.render.lines import wrapped

    return "\n".join(wrapped(text, make_console(stderr=stream is sys.stderr).width))


def print_line(text: object) -> None:
    """A line with names in it on stdout: to the byte for scripts, harmless in a terminal."""
    if sys.stdout.isatty():
        print(printable(text))
        return
    try:
        exact = f"{text}{os.linesep}".encode(sys.stdout.encoding, "surrogateescape")
    except UnicodeEncodeError:
        print(text)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(exact)
    sys.stdout.buffer.flush()


def discard_stdout() -> None:
    """Send what is still printed, at the end of the process too, to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(document: dict[str, Any]) -> None:
    """Print a document on stdout, its schema version first."""
    print(json.dumps({"schema_version": 1, **document}, indent=2, allow_nan=False), flush=True)


def stdout_console() -> "Console":
    """A console on stdout, 100 columns wide where it is no terminal and nothing else is asked."""
    from lecun89.render.console import make_console

    console = make_console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 100
    return console


def print_table(table: Any) -> None:
    """Print a Rich table on stdout; one that is too wide comes in parts, and no number is cut."""
    from lecun89.render.narrow import fitted

    console = stdout_console()
    for part in fitted(table, console.width):
        console.print(part, highlight=False, crop=False)


def result_document(
    run: str, variant: str, data: str, seconds: float, scores: "dict[str, Score]"
) -> dict[str, Any]:
    """The document that `eval` and `train` print; errors and intervals are in percent."""
    return {
        "run": run,
        "variant": variant,
        "data": data,
        "seconds": seconds,
        "splits": {
            split: {
                "loss": score.loss,
                "misses": score.misses,
                "total": score.total,
                "error_percent": score.error_percent,
                "interval95": list(score.interval95),
            }
            for split, score in scores.items()
        },
    }
