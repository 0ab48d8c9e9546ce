"""``lecun89 plot``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.storage.outputdir import Writers
    from lecun89.training.trained import Trained

Runs = Annotated[
    list[str] | None,
    options.networks(
        "A run, several to overlay, or a weights file, which has no curves.", several=True
    ),
]
Digit = Annotated[
    int | None,
    typer.Option(
        "--digit",
        parser=options.number("--digit", int),
        metavar="INDEX",
        help="Also what this digit of the split makes of H1, H2, H3 and out.",
    ),
]
Split = Annotated[str, options.split("Where --digit is from.")]
Out = Annotated[Path | None, options.out("plots in the run, plots-overlay in the first of several")]


def plot(
    runs: Runs = None,
    variant: options.OtherVariant = None,
    digit: Digit = None,
    split: Split = "test",
    out: Out = None,
    force: options.Force = False,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Draw loss and error per pass, and the learned kernels (extra plots).

    Several runs are overlaid; the numbers that the paper, the blog and the notebook report for the
    same variant and data are marked.
    """
    from lecun89.render.figures import require_matplotlib
    from lecun89.render.plotfiles import curve_files
    from lecun89.storage.outputdir import write_files
    from lecun89.training.runs import open_run
    from lecun89.training.trained import locate, open_trained, trained_of

    options.set_up_logging(quiet=quiet, verbose=verbose)
    require_matplotlib()
    targets.check_names(split)
    names: list[str | None] = [*runs] if runs else [None]
    paths = [locate(name, runs_dir) for name in names]
    opened = [open_run(path) for path in paths if path.is_dir()]
    if len(opened) < len(paths) > 1:
        file = next(path for path in paths if not path.is_dir())
        raise UsageError(f"{file} is a weights file, which has no curves to overlay: leave it out")
    files: Writers = {}
    if opened:
        files |= curve_files([(run.path, run.settings, run.read_metrics()) for run in opened])
    if len(paths) == 1:
        of_file = None if opened else open_trained(str(paths[0]), runs_dir, variant)
        target = of_file or trained_of(opened[0], variant)
        files |= _network_files(target, digit, split, data_dir)
    elif digit is not None:
        raise UsageError("--digit shows one network: give one run")
    if not files:
        raise UsageError(f"{paths[0]} has neither curves nor kernels of 1989 to draw")
    source = opened[0].path if opened else target.directory
    directory = source / ("plots" if len(paths) == 1 else "plots-overlay") if out is None else out
    within = source if out is None else None
    written = write_files(directory, "plot", files, force=force, within=within)
    if json:
        document = {"runs": paths, "files": written}
        options.print_json({key: [str(path) for path in of] for key, of in document.items()})
        return
    for path in written:
        options.print_line(path)


def _network_files(
    target: "Trained", digit: int | None, split: str, data_dir: Path | None
) -> "Writers":
    from lecun89.render.plotfiles import activation_files, kernel_files
    from lecun89.variants import get_variant

    if get_variant(target.weights.variant).structure != "1989":
        if digit is not None:
            raise UsageError(f"--digit shows the network of 1989, not {target.weights.variant}")
        return {}
    targets.set_up_device("cpu")
    from lecun89.network.modules import Network, network_of

    network = network_of(target.weights)
    assert isinstance(network, Network)
    files = kernel_files(network)
    if digit is not None:
        digits = targets.load_digits(target, None, (split,), data_dir)[split]
        if not 0 <= digit < len(digits):
            raise UsageError(f"--digit {digit} is out of range: {split} has 0 to {len(digits) - 1}")
        files |= activation_files(network, digits, digit)
    return files
