"""The charts of `lecun89 plot` and `eval --plot`: what writes each file, by its name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lecun89.exceptions import FileFormatError
from lecun89.render import charts
from lecun89.storage.outputdir import Writers

if TYPE_CHECKING:
    from lecun89.analysis.rejection import RejectionCurve
    from lecun89.data import Digits
    from lecun89.network.modules import Network  # which imports PyTorch
    from lecun89.settings import Settings
    from lecun89.training.loop import PassResult


def curve_files(runs: "Sequence[tuple[Path, Settings, Sequence[PassResult]]]") -> Writers:
    """``curves.png`` and ``curves.svg``: loss and error of each pass, runs overlaid.

    Args:
        runs: path, settings and results of each.

    Raises:
        FileFormatError: a run has no results.
    """
    kinds = [(settings.variant, settings.data) for _, settings, _ in runs]
    drawn = []
    for kind, (path, settings, results) in zip(kinds, runs, strict=True):
        if not results:
            raise FileFormatError(f"{path} has no whole pass yet: there is nothing to draw")
        name = " on ".join(kind) if kinds.count(kind) == 1 else path.name
        drawn.append((name, settings, results))
    figure = charts.curves(drawn)
    return {f"curves.{kind}": charts.saver(figure, kind) for kind in ("png", "svg")}


def kernel_files(network: "Network") -> Writers:
    """``kernels.png``: the kernels of H1 that a network of 1989 learned."""
    weights = network.H1w.detach().numpy()
    figure = charts.kernels(f"{network.variant.name}: the kernels of H1", weights)
    return {"kernels.png": charts.saver(figure, "png")}


def activation_files(network: "Network", digits: "Digits", index: int) -> Writers:
    """``activations-SPLIT-INDEX.png``: what a digit makes of H1, H2, H3 and out."""
    from lecun89.analysis.evaluation import activations

    values = activations(network, digits.images[index])
    title = f"{network.variant.name}: {digits.split} digit no. {index}, "
    title += f"a {digits.labels[index]}, read as {values['out'].argmax()}"
    figure = charts.activations(title, digits.images[index], values)
    return {f"activations-{digits.split}-{index}.png": charts.saver(figure, "png")}


def rejection_files(variant: str, curves: "Mapping[str, RejectionCurve]") -> Writers:
    """``rejection-SPLIT.png``: error on the accepted digits against rejections, by split."""
    return {
        f"rejection-{split}.png": charts.saver(
            charts.rejection(f"{variant}: {split} digits", curve), "png"
        )
        for split, curve in curves.items()
    }
