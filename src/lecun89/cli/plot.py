"""``lecun89 plot``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.cli.targets import Target
    from lecun89.storage.outputdir import Writers
    from lecun89.training.runs import Run


def plot(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="A run, or several to overlay.",
            show_default="the newest run",
        ),
    ] = None,
    digit: Annotated[
        int | None,
        typer.Option(
            "--digit",
            parser=options.number("--digit", int),
            metavar="INDEX",
            help="Also what this digit of the split makes of H1, H2, H3 and out.",
        ),
    ] = None,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Where --digit is from.")
    ] = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=options.path("--out"),
            metavar="DIR",
            help="Where files go.",
            show_default="plots in the run, plots-overlay in the first of several",
        ),
    ] = None,
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
    from lecun89.render.charts import require_matplotlib
    from lecun89.storage.outputdir import write_files
    from lecun89.training.runs import find_run, open_run
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    require_matplotlib()
    targets.check_names(split)
    names: list[str | None] = [*runs] if runs else [None]
    opened = [open_run(find_run(name, runs_dir)) for name in names]
    files = curve_files(opened)
    if len(opened) == 1:
        target = targets.target_of(opened[0])
        if get_variant(target.weights.variant).structure == "1989":
            files |= _kernel_files(target)
        elif digit is not None:
            raise UsageError(f"--digit shows the network of 1989, not {target.weights.variant}")
        if digit is not None:
            files |= _activation_files(target, digit, split, data_dir)
    elif digit is not None:
        raise UsageError("--digit shows one network: give one run")
    folder = "plots" if len(opened) == 1 else "plots-overlay"
    directory = opened[0].path / folder if out is None else out
    within = opened[0].path if out is None else None
    written = write_files(directory, "plot", files, force=force, within=within)
    if json:
        options.print_json(
            {
                "runs": [str(run.path) for run in opened],
                "files": [str(path) for path in written],
            }
        )
        return
    for path in written:
        options.print_line(path)


def curve_files(runs: "Sequence[Run]") -> "Writers":
    """What writes the curves of runs, by file name."""
    from lecun89.exceptions import FileFormatError
    from lecun89.render import charts

    drawn = []
    for run in runs:
        results = run.read_metrics()
        if not results:
            raise FileFormatError(f"{run.path} has no whole pass yet: there is nothing to draw")
        alike = [(other.settings.variant, other.settings.data) for other in runs]
        kind = (run.settings.variant, run.settings.data)
        name = " on ".join(kind) if alike.count(kind) == 1 else run.path.name
        drawn.append((name, run.settings, results))
    figure = charts.curves(drawn)
    return {
        "curves.png": charts.saver(figure, "png"),
        "curves.svg": charts.saver(figure, "svg"),
    }


def _kernel_files(target: "Target") -> "Writers":
    from lecun89.render import charts

    figure = charts.kernels(
        f"{target.weights.variant}: the kernels of H1", target.weights.arrays["H1w"]
    )
    return {"kernels.png": charts.saver(figure, "png")}


def _activation_files(target: "Target", digit: int, split: str, data_dir: Path | None) -> "Writers":
    targets.set_up_device("cpu", 1)
    import torch

    from lecun89.network.modules import Network, network_of
    from lecun89.render import charts

    digits = targets.load_digits(target, None, (split,), data_dir)[split]
    if not 0 <= digit < len(digits):
        raise UsageError(f"--digit {digit} is out of range: {split} has 0 to {len(digits) - 1}")
    image = digits.images[digit]
    network = network_of(target.weights)
    assert isinstance(network, Network)
    with torch.no_grad():
        layers = network.activations(torch.tensor(image[None, None]))
    values = {name: values[0].numpy() for name, values in layers.items()}
    title = f"{target.weights.variant}: {split} digit no. {digit}, a {digits.labels[digit]}, "
    title += f"read as {values['out'].argmax()}"
    figure = charts.activations(title, image, values)
    return {f"activations-{split}-{digit}.png": charts.saver(figure, "png")}
