"""The kernels of H1: are they derivatives, and off-centre on-surround detectors?"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

import lecun89
from claimed import figures
from claimed.claim import Claim, Report, Verdict, markdown, mean_of, p_of
from claimed.training import Cell, Row
from lecun89.analysis.statistics import paired_p, summarise
from lecun89.network.initialization import initial_parameters

Array = npt.NDArray[np.float64]

SIZE = 5
FAMILIES = ("first derivative", "second derivative", "off-centre on-surround", "on-centre")
LIKE = 0.5
"""The R^2 from which a kernel is counted as looking like a template: it explains most of it."""


def _cells(seeds: Iterable[int]) -> list[Cell]:
    return [Cell("paper", "usps", seed) for seed in seeds]


def measure(result: lecun89.Result, data_dir: Path) -> dict[str, object]:
    """Its 12 kernels of 5x5, row by row."""
    return {"kernels": " ".join(f"{value:.4f}" for value in result.state["H1w"].flat)}


def match(kernels: Array, reference: Array) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """Which kernel goes with which of a reference, so that correlations are highest together.

    A kernel may be turned to its negative, since the squashing function is odd.

    Args:
        kernels: (n, pixels).
        reference: (n, pixels).

    Returns:
        For each of the reference: the kernel's index, its sign, and their correlation with that
        sign.
    """
    every = np.corrcoef(reference, kernels)[: len(reference), len(reference) :]
    rows, order = linear_sum_assignment(-abs(every))
    found = every[rows, order]
    return order, np.sign(found), abs(found)


@cache
def templates() -> dict[str, Array]:
    """What kernels are compared with, by family: (templates, directions, pixels), orthonormal.

    All are of a Gaussian up to a pixel from the middle, and sum to 0. A first derivative has two
    directions, which give it any angle, and 0.6 to 2 pixels; a second derivative has one of 12
    angles. It and the Laplacian, which is negative in the middle, have 0.6 to 1.2 pixels: of a
    wider one 5x5 pixels show only the middle.
    """
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    found: dict[str, list[list[Array]]] = {name: [] for name in FAMILIES[:3]}
    for sigma in (0.6, 0.8, 1.0, 1.2, 1.6, 2.0):
        for cy, cx in ((a, b) for a in np.linspace(-1, 1, 5) for b in np.linspace(-1, 1, 5)):
            v, u = (y - cy) / sigma, (x - cx) / sigma
            gauss = np.exp(-(u * u + v * v) / 2)
            found[FAMILIES[0]].append([u * gauss, v * gauss])
            if sigma > 1.2:
                continue
            found[FAMILIES[2]].append([(u * u + v * v - 2) * gauss])
            for angle in np.arange(12) * np.pi / 12:
                along = u * np.cos(angle) + v * np.sin(angle)
                found[FAMILIES[1]].append([(along * along - 1) * gauss])
    return {name: np.stack([_orthonormal(one) for one in of]) for name, of in found.items()}


def _orthonormal(vectors: list[Array]) -> Array:
    q, r = np.linalg.qr(np.stack([(vector - vector.mean()).ravel() for vector in vectors]).T)
    return (q * np.sign(r.diagonal())).T  # each in the direction of its vector, not against it


def fits(kernels: Array) -> Array:
    """R^2 of the best template of each of `FAMILIES` for each kernel: (n, families).

    It is the share of a kernel's sum of squares that the template explains, its mean included: a
    kernel that is the same everywhere is no derivative.

    Args:
        kernels: (n, pixels).
    """
    unit = kernels / np.linalg.norm(kernels, axis=1, keepdims=True)
    projected = {name: np.einsum("tdp,kp->ktd", of, unit) for name, of in templates().items()}
    first, second = ((projected[name] ** 2).sum(axis=2).max(axis=1) for name in FAMILIES[:2])
    centre = projected[FAMILIES[2]][:, :, 0]
    off, on = (np.clip(side, 0, None).max(axis=1) ** 2 for side in (centre, -centre))
    return np.stack([first, second, off, on], axis=1)


def trained(rows: list[Row]) -> dict[int, Array]:
    """The trained kernels (12, 25) of each seed."""
    return {
        int(row["seed"]): np.array(row["kernels"].split(), float).reshape(-1, SIZE * SIZE)
        for row in rows
    }


def initial(seed: int) -> Array:
    """The kernels (12, 25) that a seed begins with."""
    drawn = initial_parameters(lecun89.get_variant("paper"), seed)["H1w"]
    return drawn.reshape(-1, SIZE * SIZE).astype(np.float64)


def as_smooth(kernels: Array, seed: int) -> Array:
    """Chance patterns that are as smooth: the same amplitudes of every frequency, other phases."""
    noise = np.random.default_rng(seed).standard_normal((len(kernels), SIZE, SIZE))
    phases = np.exp(1j * np.angle(np.fft.fft2(noise)))
    spectrum = np.fft.fft2(kernels.reshape(-1, SIZE, SIZE))
    turned = abs(spectrum) * phases
    turned[:, 0, 0] = spectrum[:, 0, 0]  # the mean stays what it is
    return np.fft.ifft2(turned).real.reshape(kernels.shape)


def middle_seed(of: dict[int, Array]) -> int:
    """The seed whose kernels the others' match best."""
    return max(of, key=lambda seed: sum(match(of[one], of[seed])[2].mean() for one in of))


def likeness(of: dict[int, Array]) -> list[float]:
    """Mean correlation of each other seed's kernels, matched, with the middle seed's."""
    middle = middle_seed(of)
    return [float(match(of[one], of[middle])[2].mean()) for one in of if one != middle]


def counted(every: Array) -> Array:
    """Kernels of each network that look like each of `FAMILIES`, by the one that fits best.

    Args:
        every: what `fits` gives for each network, (networks, kernels, families).
    """
    best = every.max(axis=2, keepdims=True)
    return ((every == best) & (best >= LIKE)).sum(axis=1)


def _report(rows: list[Row]) -> Report:
    after = trained(rows)
    sets = {
        "trained": after,
        "as drawn at first": {seed: initial(seed) for seed in after},
        "by chance, as smooth as the trained": {
            seed: as_smooth(kernels, seed) for seed, kernels in after.items()
        },
    }
    every = {name: np.stack([fits(one) for one in of.values()]) for name, of in sets.items()}
    best = {name: of.max(axis=2).mean(axis=1).tolist() for name, of in every.items()}
    counts = {name: counted(of) for name, of in every.items()}
    table = [
        [
            name,
            mean_of(best[name], 2),
            *(mean_of(count) for count in (counts[name].sum(axis=1), *counts[name].T)),
            mean_of(likeness(of), 2),
        ]
        for name, of in sets.items()
    ]
    headings = ["kernels", "R² of the best template", "of 12 look like one", *FAMILIES]
    first, *controls = sets
    groups = {
        "derivatives": slice(0, 2),
        "a centre and its surround, of either sign": slice(2, 4),
        FAMILIES[2]: slice(2, 3),
    }
    numbers = {
        group: {name: of[:, columns].sum(axis=1) for name, of in counts.items()}
        for group, columns in groups.items()
    }
    more = {group: _more(of[first], of[controls[1]]) for group, of in numbers.items()}
    better = all(_more(best[first], best[name]) < 0.05 for name in controls)
    verdict: Verdict = "does not hold"
    if better:
        whole = more["derivatives"] < 0.05 and more[FAMILIES[2]] < 0.05
        verdict = "holds" if whole else "partly"
    like, by_chance = (mean_of(counts[name].sum(axis=1)) for name in (first, controls[1]))
    shown = [
        f"{group} {of[first].mean():.1f} and {of[controls[1]].mean():.1f}, p {p_of(more[group])}"
        for group, of in numbers.items()
    ]
    ours = [numbers[group][first].mean() for group in ("derivatives", FAMILIES[2])]
    return Report(
        f"{like.split()[0]} of 12 kernels look like one, {by_chance.split()[0]} of chance patterns "
        f"as smooth: derivatives {ours[0]:.1f}, off-centre on-surround {ours[1]:.1f}, its negative "
        f"{counts[first][:, 3].mean():.1f}",
        len(after),
        f"look like one {like} of 12, by chance {by_chance}",
        verdict,
        f"{markdown([*headings, 'match between seeds'], table)}\n\n"
        f"{len(after)} seeds. Trained and by chance, of 12, with the p of there being more: "
        f"{'; '.join(shown)}.",
    )


def _more(ours: Sequence[float], others: Sequence[float]) -> float:
    """The paired p-value, 1 where ours are not more."""
    differences = [float(a - b) for a, b in zip(ours, others, strict=True)]
    p = paired_p(differences)
    return 1.0 if p is None or summarise(differences).mean <= 0 else p


def _draw(rows: list[Row], docs: Path) -> None:
    of = trained(rows)
    middle = middle_seed(of)
    matched = {}
    for seed, some in of.items():
        order, signs, _ = match(some, of[middle])
        matched[seed] = some[order] * signs[:, None]
    figures.kernels(of, middle, matched, docs / "kernels.png")


KERNELS = Claim("kernels", _cells, _report, ("kernels",), measure, _draw)
