"""Charts drawn with matplotlib (extra ``plots``), without its global state."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lecun89.analysis.literature import LITERATURE
from lecun89.analysis.rejection import PAPER_ERROR, PAPER_REJECTED, RejectionCurve
from lecun89.exceptions import printable, shortened
from lecun89.render.figures import make_figure, own_style
from lecun89.variants import get_variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lecun89.settings import Settings
    from lecun89.sweeps.ladder import Rung, Step
    from lecun89.training.loop import PassResult

_COLOURS = ("#1f5fa8", "#c4161c", "#2b8a3e", "#8a4fb0", "#c77700", "#0b8a8a", "#7a5230", "#666666")
_MARKS = {"paper": "*", "blog": "D", "notebook": "s"}


@own_style()
def curves(
    runs: Sequence[tuple[str, "Settings", Sequence["PassResult"]]],
) -> "Figure":
    """Loss and error after each pass, train dashed and test solid, several runs overlaid.

    What the literature has for the same variant and data is marked at their last pass, small for
    the training digits.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    figure = make_figure(12.0, 4.6)
    axes = figure.subplots(1, 2)
    for colour, (name, settings, results) in zip(_cycle(len(runs)), runs, strict=True):
        passes = [result.number for result in results]
        for axis, quantity in ((axes[0], "loss"), (axes[1], "error_percent")):
            train = [getattr(result.train, quantity) for result in results]
            test = [getattr(result.test, quantity) for result in results]
            dot = "." if len(passes) == 1 else None
            axis.plot(passes, train, "--", color=colour, marker=dot, linewidth=1.1, alpha=0.75)
            axis.plot(passes, test, color=colour, marker=dot, linewidth=1.7, label=_plain(name))
        last = get_variant(settings.variant).passes_on(settings.data)
        for report in LITERATURE.get((settings.variant, settings.data), ()):
            for axis, value, size in (
                (axes[0], report.test_loss, 8),
                (axes[1], report.test_error, 8),
                (axes[0], report.train_loss, 5),
                (axes[1], report.train_error, 5),
            ):
                if value is not None:
                    label = f"{report.source}, {settings.variant}" if size == 8 else None
                    axis.plot(
                        last, value, _MARKS[report.source], color="none",
                        markeredgecolor=colour, markersize=size, clip_on=False, label=label,
                    )  # fmt: skip
    for axis, label in zip(axes, ("loss", "error, %"), strict=True):
        axis.set_xlabel("pass")
        axis.set_ylabel(label)
        axis.set_xlim(0)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(visible=True, alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    axes[1].set_ylim(0)
    axes[0].set_title("mean loss; train dashed, test solid", fontsize=11)
    axes[1].set_title("misclassified digits", fontsize=11)
    handles, labels = axes[1].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        list(unique.values()), list(unique), loc="outside right upper", fontsize=8.5, frameon=False
    )
    return figure


@own_style()
def kernels(title: str, weights: npt.NDArray[np.float32]) -> "Figure":
    """The learned 5x5 kernels of H1, (12, 1, 5, 5), on one scale."""
    rows = -(-len(weights) // 6)
    figure = make_figure(9.0, 0.5 + 1.5 * rows)
    axes = figure.subplots(rows, min(6, len(weights)), squeeze=False)
    most = float(np.abs(weights).max()) or 1.0
    for axis in axes.flat[len(weights) :]:
        axis.axis("off")
    for number, (axis, kernel) in enumerate(zip(axes.flat, weights[:, 0], strict=False)):
        shown = axis.imshow(kernel, cmap="RdBu_r", vmin=-most, vmax=most)
        axis.set_title(f"plane {number}", fontsize=9)
        _no_ticks(axis)
    figure.suptitle(title, fontsize=11)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="weight")
    return figure


@own_style()
def activations(
    title: str, image: npt.NDArray[np.float32], layers: dict[str, npt.NDArray[np.float32]]
) -> "Figure":
    """One digit (16, 16) and what it makes of H1 (12, 8, 8), H2 (12, 4, 4), H3 (30,), out (10,)."""
    figure = make_figure(11.0, 7.4)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.3, 1))
    for axis, name in zip(parts[0].subplots(1, 2), ("H1", "H2"), strict=True):
        planes = layers[name]
        most = float(np.abs(planes).max()) or 1.0
        mosaic, corners = _mosaic(planes)
        shown = axis.imshow(mosaic, cmap="RdBu_r", vmin=-most, vmax=most)
        for number, (x, y) in enumerate(corners):
            axis.text(x, y, str(number), fontsize=8, va="bottom")
        side = planes.shape[1]
        axis.set_title(f"{name}, {len(planes)} planes of {side} x {side}", fontsize=10)
        axis.axis("off")
        parts[0].colorbar(shown, ax=axis, shrink=0.7)
    axes = parts[1].subplots(1, 3, width_ratios=(1, 2.2, 1.6))
    axes[0].imshow(image, cmap="gray_r", vmin=-1, vmax=1)
    axes[0].set_title("input, 16 x 16", fontsize=10)
    _no_ticks(axes[0])
    for axis, name in ((axes[1], "H3"), (axes[2], "out")):
        axis.bar(range(len(layers[name])), layers[name], color=_COLOURS[0])
        axis.axhline(0, color="#444444", linewidth=0.8)
        axis.set_title(f"{name}, {len(layers[name])} units", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[2].set_xticks(range(10))
    figure.suptitle(title, fontsize=12)
    return figure


def _mosaic(
    planes: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], list[tuple[float, float]]]:
    """Planes in rows of four, with gaps, and the upper left corner of each."""
    side = planes.shape[1]
    gap = max(side // 4, 1)
    cell = side + gap
    mosaic = np.full((-(-len(planes) // 4) * cell, 4 * cell - gap), np.nan, np.float32)
    corners = []
    for number, plane in enumerate(planes):
        y, x = gap + number // 4 * cell, number % 4 * cell
        mosaic[y : y + side, x : x + side] = plane
        corners.append((x - 0.5, y - 0.6))
    return mosaic, corners


@own_style()
def rejection(title: str, curve: RejectionCurve) -> "Figure":
    """Error on the accepted digits against the share rejected, with the paper's point."""
    figure = make_figure(6.6, 4.4)
    axis = figure.subplots()
    axis.step(curve.rejected_percent, curve.errors_percent, where="post", color=_COLOURS[0])
    axis.plot(PAPER_REJECTED, PAPER_ERROR, "*", color=_COLOURS[1], markersize=11)
    axis.annotate("paper", (PAPER_REJECTED, PAPER_ERROR), (7, 5), textcoords="offset points")
    axis.set_xlim(0, 40)
    visible = curve.errors_percent[curve.rejected_percent <= 40]
    axis.set_ylim(0, 1.1 * max(float(visible.max()), PAPER_ERROR))
    axis.set_xlabel("rejected digits, %")
    axis.set_ylabel("error on the accepted, %")
    axis.set_title(title, fontsize=11)
    axis.grid(visible=True, alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def saver(figure: "Figure", kind: str) -> Callable[[Path], None]:
    """What writes a figure to a path, as ``png`` or ``svg``; the same figure, the same bytes."""

    def save(path: Path) -> None:
        with own_style():
            metadata = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(path, format=kind, dpi=120, metadata=metadata)

    return save


@own_style()
def ladder(found: "Mapping[str, Sequence[tuple[Rung, Step | None]]]") -> "Figure":
    """Test error of each rung: every seed a dot, the mean with its interval, and the reports.

    Args:
        found: rungs, by name of the data.
    """
    figure = make_figure(1.6 + 4.4 * len(found), 4.2)
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    for axis, (data, steps) in zip(axes, found.items(), strict=True):
        for place, (rung, _) in enumerate(steps):
            errors = [result.test.error_percent for result in rung.results]
            spread = np.linspace(-0.16, 0.16, len(errors)) if len(errors) > 1 else [0.0]
            axis.plot(place + np.asarray(spread), errors, ".", color="#9db7d6", markersize=4)
            low_high = rung.error.interval95
            if low_high is not None:
                axis.plot([place, place], low_high, color=_COLOURS[0], linewidth=2.5)
            axis.plot(place, rung.error.mean, "o", color=_COLOURS[0], markersize=6)
            for report in rung.reports:
                axis.plot(
                    place + 0.27,
                    report.test_error,
                    _MARKS[report.source],
                    color=_COLOURS[1],
                    markersize=6,
                    label=report.source,
                )
        axis.set_xticks(range(len(steps)), [_plain(rung.variant) for rung, _ in steps])
        if len(steps) > 6:  # or the names would run into each other
            axis.tick_params(axis="x", rotation=25)
        axis.set_title(data)
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", alpha=0.3)
        handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        if handles:
            axis.legend(handles.values(), handles.keys(), frameon=False)
    axes[0].set_ylabel("test error, %; dots are seeds, bars 95% of the mean")
    return figure


def _cycle(count: int) -> list[str]:
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]


def _plain(name: str) -> str:
    """A name as matplotlib shows it: it would read $ as mathematics, and hide a leading _."""
    name = shortened(printable(name), 60)
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def _no_ticks(axis: Any) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
