"""``lecun89 errors``."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.analysis.misses import Comparison, Mistake, Mistakes
    from lecun89.cli.targets import Target
    from lecun89.data import Digits

_IN_TERMINAL = 60  # digits; all of them are in the picture


def errors(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|FILE]...",
            help="A run, a weights file, or an upstream model.pt; several to count over them.",
            show_default="the newest run",
        ),
    ] = None,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="train, validation or test.")
    ] = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=options.path("--out"),
            metavar="DIR",
            help="Where files go.",
            show_default="errors-SPLIT in the run",
        ),
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option("--diff", metavar="RUN", help="Compare with another run, on the same digits."),
    ] = None,
    across: Annotated[
        bool,
        typer.Option(
            "--across",
            help="Count over all runs of the newest run's variant and data, or over those named.",
        ),
    ] = False,
    individual: Annotated[
        bool, typer.Option("--individual", help="Write each missed digit as a picture of its own.")
    ] = False,
    terminal: Annotated[
        bool, typer.Option("--terminal/--no-terminal", help="Show the digits in the terminal.")
    ] = True,
    force: options.Force = False,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    device: options.Device = "auto",
    threads: options.Threads = 1,
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
    from lecun89.analysis.misses import compare, count_misses, find_mistakes
    from lecun89.render.errorfiles import across_files, diff_files, mistake_files
    from lecun89.storage.outputdir import write_files

    options.set_up_logging(quiet=quiet, verbose=verbose)
    targets.check_names(split, data)
    names = list(runs or [])
    if diff is not None and (across or len(names) > 1):
        raise UsageError("--diff compares two runs: give at most one besides it, and no --across")
    if individual and (diff is not None or across or len(names) > 1):
        raise UsageError("--individual is for one run: leave it out, or give one run")
    opened = _open(names, across, runs_dir, variant, data)
    if diff is not None:
        opened.append(targets.open_target(diff, runs_dir, variant, data))
    targets.same_digits(opened, data)
    chosen = targets.set_up_device(device, threads)
    digits = targets.load_digits(opened[0], data, (split,), data_dir)[split]
    found = [find_mistakes(target.weights, digits, chosen.device) for target in opened]
    counts = count_misses(found)

    document: dict[str, Any] = {"run": str(opened[0].path), "split": split, "total": len(digits)}
    if diff is not None:
        comparison = compare(*found)
        files = diff_files([target.path.name for target in opened], found, comparison, digits)
        kind = "errors-diff"
        document |= _diff_document(opened, comparison)
    elif len(opened) > 1:
        files = across_files(found, counts, digits)
        kind = "errors-across"
        document |= _across_document(opened, counts, digits)
    else:
        files = mistake_files(found[0], digits, individual=individual)
        kind = "errors"
        document["misses"] = [_document(mistake) for mistake in found[0].missed]
    directory = opened[0].directory / f"{kind}-{split}" if out is None else out
    within = opened[0].directory if out is None else None
    written = write_files(directory, kind, files, force=force, tidy=True, within=within)

    if json:
        options.print_json({**document, "files": [str(path) for path in written]})
        return
    if terminal and not quiet and sys.stdout.isatty():
        _show(found, counts, digits, comparison if diff is not None else None)
    if diff is not None:
        _print_diff(opened, found, comparison, quiet=quiet)
    elif len(opened) > 1:
        _print_across(found, counts)
    else:
        _print_mistakes(found[0], quiet=quiet)
    options.print_line(directory)


def _open(
    names: list[str], across: bool, runs_dir: Path, variant: str | None, data: str | None
) -> "list[Target]":
    from lecun89.exceptions import FileFormatError
    from lecun89.training.runs import list_runs, open_run

    if not across or len(names) > 1:
        if not names:
            return [targets.open_target(None, runs_dir, variant)]
        opened = [targets.open_target(name, runs_dir, variant, data) for name in names]
        if len({target.path.resolve() for target in opened}) < len(opened):
            raise UsageError("a run is given twice: name each once")
        return opened
    newest = targets.open_target(names[0] if names else None, runs_dir, variant, data)
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
                opened.append(targets.target_of(run))
        except FileFormatError:
            continue  # without a whole pass yet, or damaged
    if len(opened) < 2:
        raise UsageError(
            f"--across needs two runs of {like.variant} on {like.data} in {runs_dir}: "
            "train another with --seed"
        )
    return opened


def _document(mistake: "Mistake") -> dict[str, Any]:
    names = ("index", "source_index", "label", "prediction", "margin")
    return {name: getattr(mistake, name) for name in names}


def _diff_document(opened: "Sequence[Target]", comparison: "Comparison") -> dict[str, Any]:
    counts = {name: list(getattr(comparison, name)) for name in ("fixed", "broken", "both")}
    return {"diff": str(opened[1].path), **counts, "p_value": comparison.p_value}


def _across_document(
    opened: "Sequence[Target]", counts: dict[int, int], digits: "Digits"
) -> dict[str, Any]:
    return {
        "runs": [str(target.path) for target in opened],
        "digits": [
            {
                "index": index,
                "source_index": int(digits.source_index[index]),
                "label": int(digits.labels[index]),
                "missed": count,
            }
            for index, count in counts.items()
        ],
    }


def _show(
    found: "Sequence[Mistakes]",
    counts: dict[int, int],
    digits: "Digits",
    comparison: "Comparison | None",
) -> None:
    from rich.console import Console

    from lecun89.render.halfblocks import digit_rows

    console = Console()
    if comparison is not None:
        shown = [(index, "fixed") for index in comparison.fixed]
        shown += [(index, "broken") for index in comparison.broken]
    elif len(found) > 1:
        shown = [(i, f"{count} of {len(found)}") for i, count in counts.items()]
    else:
        shown = [(m.index, f"{m.label} as {m.prediction}") for m in found[0].missed]
    if len(shown) > _IN_TERMINAL:
        options.note(f"the first {_IN_TERMINAL} of {len(shown)} digits:")
    shown = shown[:_IN_TERMINAL]
    colour = console.color_system is not None and "NO_COLOR" not in os.environ
    images = [digits.images[index] for index, _ in shown]
    captions = [text for _, text in shown]
    for line in digit_rows(images, captions, console.width, colour=colour):
        console.print(line, no_wrap=True, crop=True)


def _print_mistakes(mistakes: "Mistakes", *, quiet: bool) -> None:
    from lecun89.render.errorfiles import mistakes_title, pairs_line
    from lecun89.render.tables import confusion_table

    print(mistakes_title(mistakes))
    if quiet:
        return
    if not mistakes.missed:
        print("no digit is missed")
        return
    options.print_table(confusion_table(mistakes.confusion))
    print(f"most confused: {pairs_line(mistakes)}")


def _print_diff(
    opened: "Sequence[Target]",
    found: "Sequence[Mistakes]",
    comparison: "Comparison",
    *,
    quiet: bool,
) -> None:
    from lecun89.render.errorfiles import mistakes_title, p_value_text

    if not quiet:
        for target, mistakes in zip(opened, found, strict=True):
            options.print_line(f"{target.path}: {mistakes_title(mistakes)}")
    print(
        f"fixed {len(comparison.fixed)}, broken {len(comparison.broken)}, missed by both "
        f"{len(comparison.both)}; McNemar's exact test: p {p_value_text(comparison)}"
    )


def _print_across(found: "Sequence[Mistakes]", counts: dict[int, int]) -> None:
    from collections import Counter

    from lecun89.render.tables import plain_table

    times = Counter(counts.values())
    rows = [
        (f"{count} of {len(found)} runs", f"{times[count]:,}") for count in range(len(found), 0, -1)
    ]
    options.print_table(plain_table(["missed by", ">digits"], rows))
    misses = ", ".join(str(mistakes.score.misses) for mistakes in found)
    print(f"misses of {found[0].score.total:,} in each run: {misses}")
