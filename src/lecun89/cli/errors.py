"""``lecun89 errors``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import completion, options, targets
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.render.errorreports import Report
    from lecun89.training.trained import Trained

_IN_TERMINAL = 60  # digits; all of them are in the picture

Runs = Annotated[
    list[str] | None,
    options.networks(
        "A run, a weights file, or a state dict of others; several to count over them.",
        several=True,
    ),
]
Split = Annotated[str, options.split("train, validation or test.")]
Out = Annotated[
    Path | None, options.out("errors-SPLIT in the run, errors-DATA-SPLIT for other data")
]
Diff = Annotated[
    str | None,
    typer.Option(
        "--diff",
        parser=options.target,
        autocompletion=completion.networks,
        metavar="RUN",
        help="Compare with another run, on the same digits.",
    ),
]
Across = Annotated[
    bool,
    typer.Option(
        "--across",
        help="Count over all runs of the newest run's variant and data, or over those named.",
    ),
]
Individual = Annotated[
    bool, typer.Option("--individual", help="Write each missed digit as a picture of its own.")
]
Terminal = Annotated[
    bool, typer.Option("--terminal/--no-terminal", help="Show the digits in the terminal.")
]


def errors(
    runs: Runs = None,
    split: Split = "test",
    out: Out = None,
    diff: Diff = None,
    across: Across = False,
    individual: Individual = False,
    terminal: Terminal = True,
    force: options.Force = False,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    device: options.Device = "auto",
    threads: options.Threads = "auto",
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show every missed digit: a contact sheet, a table, the confusion matrix.

    `--diff RUN` shows what another run fixes and breaks; several runs, how often each is missed.
    """
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.storage.outputdir import write_files
    from lecun89.training.trained import check_same_data, open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    targets.check_names(split, data)
    names = list(runs or [])
    _check_kind(names, diff, across=across, individual=individual)
    opened = _open(names, across, runs_dir, variant, data)
    if diff is not None:
        opened.append(open_trained(diff, runs_dir, variant, data))
    check_same_data(opened, data)
    chosen = targets.set_up_device(device, threads)
    digits = targets.load_digits(opened[0], data, (split,), data_dir)[split]
    report = _report(opened, digits, chosen.device, diff=diff is not None, individual=individual)
    home = opened[0].directory
    others = [] if digits.data == opened[0].data else [digits.data]
    directory = out or home / "-".join([report.kind, *others, split])
    # Those of other digits, in a directory that was named, are somebody else's.
    owner = report.kind if out is None else f"{report.kind}-{digits.data}-{split}"
    within = home if out is None else None
    files = report.files()
    written = write_files(directory, owner, files, force=force, tidy=True, within=within)
    if json:
        document = {"run": str(opened[0].path), "split": split, "total": len(digits)}
        files_written = [str(path) for path in written]
        options.print_json({**document, **report.document(), "files": files_written})
        return
    if terminal and not quiet and sys.stdout.isatty():
        _show(report, digits)
    for line in report.lines(quiet=quiet):
        options.print_words(line) if isinstance(line, str) else options.print_table(line)
    options.print_line(directory)


def _check_kind(names: list[str], diff: str | None, *, across: bool, individual: bool) -> None:
    if diff is not None and (across or len(names) > 1):
        raise UsageError("--diff compares two runs: give at most one besides it, and no --across")
    if individual and (diff is not None or across or len(names) > 1):
        raise UsageError("--individual is for one run: leave it out, or give one run")


def _open(
    names: list[str], across: bool, runs_dir: Path, variant: str | None, data: str | None
) -> "list[Trained]":
    from lecun89.exceptions import FileFormatError
    from lecun89.training.runs import list_runs, open_run
    from lecun89.training.trained import open_trained, trained_of

    if not across or len(names) > 1:
        if not names:
            return [open_trained(None, runs_dir, variant)]
        opened = [open_trained(name, runs_dir, variant, data) for name in names]
        if len({target.path.resolve() for target in opened}) < len(opened):
            raise UsageError("a run is given twice: name each once")
        return opened
    newest = open_trained(names[0] if names else None, runs_dir, variant, data)
    if newest.run is None:
        raise UsageError("--across looks for runs like a run, not like a file: name the files")
    like = newest.run.settings
    opened = [newest]
    for path in list_runs(runs_dir):
        if path.resolve() == newest.path.resolve():
            continue
        try:
            run = open_run(path)
            if (run.settings.variant, run.settings.data) == (like.variant, like.data):
                opened.append(trained_of(run))
        except FileFormatError:
            continue  # without a whole pass yet, or damaged
    if len(opened) < 2:
        raise UsageError(
            f"--across needs two runs of {like.variant} on {like.data} in {runs_dir}: "
            "train another with --seed"
        )
    return opened


def _report(
    opened: "list[Trained]", digits: "Digits", device: str, *, diff: bool, individual: bool
) -> "Report":
    from lecun89.analysis.misses import find_misses
    from lecun89.network.modules import network_of
    from lecun89.render.errorreports import AcrossReport, DiffReport, MissesReport

    paths = [target.path for target in opened]
    found = [find_misses(network_of(target.weights, device), digits) for target in opened]
    if diff:
        return DiffReport(paths, found, digits)
    if len(opened) > 1:
        return AcrossReport(paths, found, digits)
    return MissesReport(found[0], digits, individual)


def _show(report: "Report", digits: "Digits") -> None:
    from lecun89.render.halfblocks import print_digits

    captions = report.captions()
    if len(captions) > _IN_TERMINAL:
        options.note(f"the first {_IN_TERMINAL} of {len(captions)} digits:")
    shown = captions[:_IN_TERMINAL]
    print_digits([digits.images[index] for index, _ in shown], [text for _, text in shown])
