"""``lecun89 read``."""

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import completion, options, targets
from lecun89.exceptions import FileFormatError, UsageError

if TYPE_CHECKING:
    from lecun89.network.weights import Weights
    from lecun89.reading.reading import Reading
    from lecun89.training.trained import Trained

_OWNER = "read"
_LONGEST_STEM = 50  # characters, of at most four bytes: a name has 255


Images = Annotated[
    list[Path],
    typer.Argument(
        parser=options.path("IMAGE"),
        autocompletion=completion.pictures,
        metavar="IMAGE...",
        help="Pictures in any format that Pillow reads.",
    ),
]
From = Annotated[str, options.weights("What reads: record, a run, or a weights file.")]
RejectFor = Annotated[
    float,
    options.reject_for(
        "Reject doubtful digits, as many as give that error on the others in validation.", "1%"
    ),
]
Single = Annotated[bool, typer.Option("--single", help="Each picture is one digit.")]
Out = Annotated[
    Path | None,
    options.out(
        "none is written",
        help_text="Where to write each picture with boxes and readings, and its digits in steps.",
    ),
]


def read(
    images: Images,
    weights: From = "record",
    reject_for: RejectFor = 1.0,
    single: Single = False,
    out: Out = None,
    force: options.Force = False,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Read the digits in a photograph or a scan, line by line; `?` is a digit that is rejected.

    `lecun89 read zip.jpg -v` adds the margin and the outputs of each digit.
    `lecun89 read *.jpg --out seen` draws what was found, and each digit in steps.
    """
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.render.readings import reading_files, summary
    from lecun89.storage.outputdir import write_files
    from lecun89.training.trained import open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    targets.check_names("test", data)
    names = _names(images)
    if out is not None:
        _check_out(out, images, names, force=force)
    # Of the published weights, those that saw most digits read best.
    trained = _with_data(open_trained(weights, runs_dir, variant, data or "full"), data)
    reader, threshold = _reader(trained.weights, reject_for, data_dir, single=single)
    options.note(
        f"{trained.path}: {trained.weights.variant} on {trained.data}", quiet=quiet or json
    )
    documents: list[dict[str, Any]] = []
    files: list[Path] = []
    for path, name in zip(images, names, strict=True):
        try:
            reading = reader(path)
        except FileFormatError as error:
            if len(images) == 1:
                raise
            options.note(str(error))
            continue
        documents.append(_document(path, reading))
        if not json:
            _print(path, reading, several=len(images) > 1, quiet=quiet, verbose=verbose)
        options.note(f"{path}: {summary(reading)}", quiet=quiet or json)
        if out is not None:
            files += write_files(out, _OWNER, reading_files(reading, name), force=force)
    if files:
        options.note(f"{len(files)} pictures in {out}", quiet=quiet)
    if json and documents:
        options.print_json(
            {
                "weights": str(trained.path),
                "variant": trained.weights.variant,
                "data": trained.data,
                "reject_for": reject_for,
                "threshold": threshold if math.isfinite(threshold) else None,
                "images": documents,
                "files": [str(path) for path in files],
            }
        )
    if len(documents) < len(images):
        failed = len(images) - len(documents)
        raise FileFormatError(f"{failed} of {len(images)} pictures could not be read")


def _reader(
    weights: "Weights", reject_for: float, data_dir: Path | None, *, single: bool
) -> "tuple[Callable[[Path], Reading], float]":
    """What reads a picture, and the margin below which it rejects a digit."""
    from lecun89.data.sets import normalisation_of
    from lecun89.network.modules import network_of
    from lecun89.reading.reading import read_picture
    from lecun89.reading.thresholds import threshold_for

    threshold = threshold_for(weights, reject_for, data_dir)
    network = network_of(weights, targets.set_up_device("cpu").device)
    reader = partial(
        read_picture,
        network,
        threshold=threshold,
        reject_for=reject_for,
        normalisation=normalisation_of(weights.data),
        single=single,
    )
    return reader, threshold


def _with_data(trained: "Trained", data: str | None) -> "Trained":
    """With the data that was named, where a file of others does not say on what it was trained."""
    from lecun89.data import get_data

    known = trained.weights.data
    if data is None or known is None:
        return replace(trained, weights=replace(trained.weights, data=known or data))
    if get_data(data).base != get_data(known).base:
        raise UsageError(f"{trained.path} was trained on {known}, not on {data}: leave --data out")
    return trained


def _names(images: Sequence[Path]) -> list[str]:
    """For each picture what the names of its files begin with, no two alike on any system."""
    taken: set[str] = set()
    names = []
    for path in images:
        stem = path.stem[:_LONGEST_STEM]
        name, number = stem, 1
        while not taken.isdisjoint({name.casefold(), f"{name}-strip".casefold()}):
            number += 1
            name = f"{stem}-{number}"
        taken |= {name.casefold(), f"{name}-strip".casefold()}
        names.append(name)
    return names


def _check_out(out: Path, images: Sequence[Path], names: Sequence[str], *, force: bool) -> None:
    """Refuse files that could not be written, and those that are read."""
    from lecun89.render.readings import file_names
    from lecun89.storage.outputdir import check_files

    files = [file for name in names for file in file_names(name)]
    for file in files:
        for image in images:
            with suppress(OSError):
                if (out / file).samefile(image):
                    raise UsageError(
                        f"--out {out} would replace {image}, which is read: choose another one"
                    )
    check_files(out, _OWNER, files, force=force)


def _document(path: Path, reading: "Reading") -> dict[str, Any]:
    digits = [
        {
            "label": digit.label,
            "accepted": digit.accepted,
            "margin": _rounded(digit.margin),
            "outputs": [_rounded(value) for value in digit.outputs],
            "box": list(digit.box),
            "line": digit.line,
        }
        for digit in reading.digits
    ]
    return {"image": str(path), "text": reading.text, "digits": digits}


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _print(path: Path, reading: "Reading", *, several: bool, quiet: bool, verbose: bool) -> None:
    """The text; in a terminal also the digits, and with -v a table of them."""
    from lecun89.render.halfblocks import print_digits
    from lecun89.render.readings import caption, readings_table

    if reading.digits and not quiet and sys.stdout.isatty():
        print_digits(
            [digit.image for digit in reading.digits],
            [caption(digit) for digit in reading.digits],
        )
    for line in reading.lines or ([""] if several else []):
        options.print_line(f"{path}: {line}".rstrip() if several else line)
    if reading.digits and verbose:
        options.print_table(readings_table(reading))
