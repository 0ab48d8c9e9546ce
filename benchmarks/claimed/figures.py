"""The figures of docs/science.md."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lecun89.analysis.rejection import PAPER_ERROR, PAPER_REJECTED
from lecun89.render.figures import make_figure, own_style

Array = npt.NDArray[np.float64]

_COLOURS = {"paper": "#1f5fa8", "base": "#c77700", "modern": "#2b8a3e", "record": "#8a4fb0"}


@own_style()
def rejection(
    grid: Array, curves: Mapping[tuple[str, str], Array], path: Path, most: float = 25.0
) -> None:
    """Error on the accepted digits against rejected digits: mean and deviation over the seeds.

    Args:
        grid: rejected digits in percent.
        curves: errors in percent (seeds, grid), by variant and data.
        path: of the picture.
        most: rejected digits that are shown.
    """
    figure = make_figure(10.5, 4.4)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, data in zip(axes, ("usps", "1989"), strict=True):
        for variant, colour in _COLOURS.items():
            if (variant, data) not in curves:
                continue
            errors = curves[variant, data]
            mean, deviation = errors.mean(axis=0), errors.std(axis=0, ddof=min(1, len(errors) - 1))
            axis.plot(grid, mean, color=colour, label=f"{variant}, {len(errors)} seeds")
            low, high = np.clip(mean - deviation, 0, None), mean + deviation
            axis.fill_between(grid, low, high, color=colour, alpha=0.18, linewidth=0)
        axis.axhline(PAPER_ERROR, color="#444444", linewidth=0.8, linestyle=":")
        axis.set_title(f"test digits of {data}", fontsize=11)
        axis.set_xlabel("rejected, %")
        axis.set_xlim(0, most)
        axis.set_ylim(0, 6)
        axis.grid(visible=True, alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].plot(
        PAPER_REJECTED, PAPER_ERROR, "*", color="#c4161c", markersize=12, linestyle="none",
        label="the paper, 12.1%",
    )  # fmt: skip
    axes[0].set_ylabel("error on the rest, %")
    for axis in axes:
        axis.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})


@own_style()
def kernels(of: Mapping[int, Array], middle: int, order: Mapping[int, Array], path: Path) -> None:
    """Every kernel of every seed, in the row of the middle seed's that it matches.

    Args:
        of: kernels (n, 25) by seed.
        middle: the seed that the others are matched with.
        order: kernels of each seed, matched: turned, and in the middle seed's order.
        path: of the picture.
    """
    columns = {f"seed {middle}": of[middle], "mean": np.mean([*order.values()], axis=0)}
    columns |= {f"{seed}": kernels for seed, kernels in order.items() if seed != middle}
    # One picture, with a pixel between kernels and three after the mean.
    left = [6 * place + (2 if place > 1 else 0) for place in range(len(columns))]
    picture = np.full((6 * len(of[middle]) - 1, left[-1] + 5), np.nan)
    for x, some in zip(left, columns.values(), strict=True):
        for row, kernel in enumerate(some):
            picture[6 * row : 6 * row + 5, x : x + 5] = kernel.reshape(5, 5) / abs(kernel).max()
    figure = make_figure(12.0, 12.0 * picture.shape[0] / picture.shape[1] + 0.7)
    axis = figure.subplots()
    axis.imshow(picture, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axis.set_axis_off()
    for x, name in zip(left, columns, strict=True):
        axis.text(x + 2, -1.5, name, ha="center", va="bottom", fontsize=7)
    figure.suptitle(
        f"H1's 12 kernels after training: of seed {middle}, the mean of all seeds, and each of the "
        "others, matched by sign and permutation; white is positive, black negative",
        fontsize=9,
    )
    figure.savefig(path, dpi=110, metadata={"Software": None})
