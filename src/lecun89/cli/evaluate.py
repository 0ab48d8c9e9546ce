"""``lecun89 eval``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options, targets

if TYPE_CHECKING:
    from lecun89.analysis.evaluation import Evaluation
    from lecun89.analysis.rejection import Rejection, RejectionCurve
    from lecun89.training.trained import Trained


RejectFor = Annotated[
    float | None,
    options.reject_for("How many doubtful digits to reject for that error on the others."),
]
Plot = Annotated[
    bool,
    typer.Option("--plot", help="Draw error against rejections into the run (extra plots)."),
]


def evaluate(
    run: options.RunArgument = None,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    split: options.Split = "test",
    reject_for: RejectFor = None,
    plot: Plot = False,
    device: options.Device = "auto",
    threads: options.Threads = "auto",
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
    from lecun89.data import SPLITS
    from lecun89.training.trained import open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    targets.check_names(split, data, more_splits=("all",))
    devices.check_name(device)
    if plot:
        from lecun89.render.figures import require_matplotlib

        require_matplotlib()
    target = open_trained(run, runs_dir, variant, data)
    chosen = targets.set_up_device(device, threads)
    digits = targets.load_digits(target, data, SPLITS if split == "all" else (split,), data_dir)
    from lecun89.analysis.evaluation import examine
    from lecun89.analysis.rejection import rejections
    from lecun89.network.modules import network_of

    began = time.perf_counter()
    network = network_of(target.weights, chosen.device)
    found = {name: examine(network, of) for name, of in digits.items()}
    seconds = time.perf_counter() - began
    wanted = found if plot or reject_for is not None else {}
    curves = {name: of.rejection_curve for name, of in wanted.items()}
    rejected = {name: rejections(curve, reject_for) for name, curve in curves.items()}
    files = _plot(target, curves) if plot else []
    if json:
        document = _document(target, seconds, found, rejected, classes=verbose)
        options.print_json(document | ({"files": files} if plot else {}))
        return
    trained = f"{target.weights.variant} on {next(iter(digits.values())).data}"
    options.note(f"{target.path}: {trained}, {chosen.device} ({chosen.reason})", quiet=quiet)
    _print(found, rejected, quiet=quiet, verbose=verbose)
    for path in files:
        options.print_line(path)


def _document(
    target: "Trained",
    seconds: float,
    found: "dict[str, Evaluation]",
    rejected: "dict[str, list[Rejection]]",
    *,
    classes: bool,
) -> dict[str, Any]:
    data = next(iter(found.values())).digits.data
    scores = {name: of.score for name, of in found.items()}
    document = options.result_document(
        str(target.path), target.weights.variant, data, seconds, scores
    )
    for name, rows in rejected.items():
        document["splits"][name]["rejection"] = [
            {**vars(row), "rejected_percent": row.rejected_percent} for row in rows
        ]
    for name, of in found.items() if classes else ():
        document["splits"][name]["classes"] = [
            {"digit": digit, "misses": misses, "total": total}
            for digit, misses, total in of.classes
        ]
    return document


def _print(
    found: "dict[str, Evaluation]",
    rejected: "dict[str, list[Rejection]]",
    *,
    quiet: bool,
    verbose: bool,
) -> None:
    from lecun89.render.evaltables import classes_table, rejections_table
    from lecun89.render.lines import eval_line, interval

    for name, of in found.items():
        score = of.score
        options.print_words(eval_line(name, score))
        if not quiet:
            options.print_words(
                f"      95% interval of the error: {interval(score)}% of {score.total:,} digits"
            )
        if verbose:
            options.print_table(classes_table(of.classes))
        if name in rejected:
            options.print_table(rejections_table(rejected[name]))


def _plot(target: "Trained", curves: "dict[str, RejectionCurve]") -> list[str]:
    from lecun89.render.plotfiles import rejection_files
    from lecun89.storage.outputdir import write_files

    files = rejection_files(target.weights.variant, curves)
    written = write_files(target.directory, "eval", files, advice="move it away")
    return [str(path) for path in written]
