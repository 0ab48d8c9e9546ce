"""``lecun89 eval``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError, shortened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lecun89.analysis.rejection import Rejection, RejectionCurve
    from lecun89.data import Digits

_ERRORS = (0.5, 1.0, 2.0, 3.0)  # percent, the rows of the table of rejections


def _percent(text: Any) -> float:
    value = float(options.number("--reject-for", float)(str(text).removesuffix("%")))
    if not 0 <= value < 100:
        raise UsageError(f"--reject-for {shortened(str(text))} is out of range: 0% to below 100%")
    return value


def evaluate(
    run: options.RunArgument = None,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    split: options.Split = "test",
    reject_for: Annotated[
        float | None,
        typer.Option(
            "--reject-for",
            parser=_percent,
            metavar="P%",
            help="How many doubtful digits to reject for that error on the others.",
        ),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Draw error against rejections into the run (extra plots)."),
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = 1,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Count the misses of a trained network, with the error's 95% interval.

    `--reject-for 1%` tells how many doubtful digits must be put aside for 1% error on the others;
    -v the error of each digit.
    """
    from lecun89 import devices
    from lecun89.analysis.rejection import reject_for as fewest
    from lecun89.analysis.rejection import rejection_curve
    from lecun89.data import SPLITS
    from lecun89.render.lines import eval_line, interval

    options.set_up_logging(quiet=quiet, verbose=verbose)
    targets.check_names(split, data, more_splits=("all",))
    devices.check_name(device)
    if plot:
        from lecun89.render.charts import require_matplotlib

        require_matplotlib()
    target = targets.open_target(run, runs_dir, variant, data)
    chosen = targets.set_up_device(device, threads)
    digits = targets.load_digits(target, data, SPLITS if split == "all" else (split,), data_dir)
    from lecun89.analysis.evaluation import outputs_of, score_outputs

    began = time.perf_counter()
    outputs = {name: outputs_of(target.weights, of, chosen.device) for name, of in digits.items()}
    scores = {
        name: score_outputs(outputs[name], of, target.weights.variant)
        for name, of in digits.items()
    }
    seconds = time.perf_counter() - began
    values = {name: of.cpu().numpy() for name, of in outputs.items()}
    curves = {
        name: rejection_curve(values[name], of.labels)
        for name, of in digits.items()
        if plot or reject_for is not None
    }
    asked = sorted({*_ERRORS, *(() if reject_for is None else (reject_for,))})
    shown = next(iter(digits.values())).data
    document = options.result_document(
        str(target.path), target.weights.variant, shown, seconds, scores
    )
    rejections = {
        name: [fewest(curve, percent) for percent in asked] for name, curve in curves.items()
    }
    classes = {name: _classes(values[name], of) for name, of in digits.items() if verbose}
    for name, rows in rejections.items():
        document["splits"][name]["rejection"] = [
            {**vars(found), "rejected_percent": found.rejected_percent} for found in rows
        ]
    for name, counted in classes.items():
        document["splits"][name]["classes"] = [
            {"digit": digit, "misses": misses, "total": total} for digit, misses, total in counted
        ]
    if plot:
        document["files"] = _plot(target, curves)
    if json:
        options.print_json(document)
        return
    options.note(
        f"{target.path}: {target.weights.variant} on {shown}, {chosen.device} ({chosen.reason})",
        quiet=quiet,
    )
    for name, score in scores.items():
        print(eval_line(name, score))
        if not quiet:
            print(f"      95% interval of the error: {interval(score)}% of {score.total:,} digits")
        if name in classes:
            _print_classes(classes[name])
        if name in rejections:
            _print_rejections(rejections[name])
    for path in document.get("files", ()):
        options.print_line(path)


def _classes(outputs: "npt.NDArray[np.float32]", digits: "Digits") -> list[tuple[int, int, int]]:
    """Each digit with its misses and its total."""
    import numpy as np

    totals = np.bincount(digits.labels, minlength=10).tolist()
    wrong = digits.labels[outputs.argmax(axis=1) != digits.labels]
    missed = np.bincount(wrong, minlength=10).tolist()
    return list(zip(range(10), missed, totals, strict=True))


def _print_classes(classes: list[tuple[int, int, int]]) -> None:
    from lecun89.render.tables import plain_table

    rows = [
        (str(digit), f"{misses}", f"{total}", f"{100 * misses / max(total, 1):.2f}%")
        for digit, misses, total in classes
    ]
    options.print_table(plain_table(["digit", ">misses", ">of", ">error"], rows))


def _print_rejections(rejections: "list[Rejection]") -> None:
    from lecun89.analysis.rejection import PAPER_ERROR, PAPER_REJECTED
    from lecun89.render.tables import plain_table

    rows = []
    for found in rejections:
        paper = f"{PAPER_REJECTED}%" if found.error_percent == PAPER_ERROR else ""
        threshold = "" if found.threshold is None else f"{found.threshold:.3g}"
        rows.append(
            (
                f"{found.error_percent:g}%",
                f"{found.rejected_percent:.1f}%",
                f"{found.rejected:,}",
                f"{found.misses:,}",
                threshold,
                paper,
            )
        )
    columns = [
        "error on the accepted",
        ">rejected",
        ">digits",
        ">misses left",
        ">threshold",
        ">paper",
    ]
    options.print_table(plain_table(columns, rows))


def _plot(target: targets.Target, curves: "dict[str, RejectionCurve]") -> list[str]:
    from lecun89.render import charts
    from lecun89.storage.outputdir import Writers, write_files

    files: Writers = {
        f"rejection-{name}.png": charts.saver(
            charts.rejection(f"{target.weights.variant}: {name} digits", curve), "png"
        )
        for name, curve in curves.items()
    }
    return [
        str(path) for path in write_files(target.directory, "eval", files, advice="move it away")
    ]
