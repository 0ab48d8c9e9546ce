"""Other optimizers for `record`, on the digits to tune on; gradients by the kernel.

python benchmarks/optimizers.py --passes 100 --seeds 0..2

AdamW with other constants; Muon (Jordan et al. 2024) for the four matrices of weights and Adam for
the biases; SOAP (Vyas et al. 2024), Adam in the eigenbasis of Shampoo's preconditioner; AdamW at a
constant rate whose weights are averaged over the last third of the passes (Izmailov et al. 2018).
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lecun89 import _native
from lecun89.analysis.statistics import summarise
from lecun89.data import default_data_dir, load, read_originals
from lecun89.engines.native import make_network
from lecun89.engines.parameters import flatten
from lecun89.engines.presentation import presentation
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.initialization import initial_parameters
from lecun89.parsing import parse_seeds
from lecun89.settings import Settings

Flat = npt.NDArray[np.float32]
MATRICES = {"H1w": (12, 25), "H2w": (12, 200), "H3w": (192, 30), "outw": (30, 10)}


def _places() -> dict[str, slice]:
    ends = np.cumsum([np.prod(shape) for shape in PARAMETER_SHAPES.values()])
    starts = [0, *ends[:-1]]
    pairs = zip(PARAMETER_SHAPES, zip(starts, ends, strict=True), strict=True)
    return {name: slice(int(start), int(end)) for name, (start, end) in pairs}


PLACES = _places()


class Optimizer(Protocol):
    """Weights and gradient to new weights."""

    def __call__(self, weights: Flat, gradient: Flat, lr: float) -> Flat:
        """One step."""


class AdamW:
    """As PyTorch's, with other constants."""

    def __init__(self, beta2: float = 0.999, eps: float = 1e-8, decay: float = 0.01) -> None:
        """Begin with no moments."""
        self.beta2, self.eps, self.decay = beta2, eps, decay
        self.first, self.second, self.updates = np.zeros(9760), np.zeros(9760), 0

    def step(self, gradient: Flat) -> Flat:
        """The direction, of size about 1."""
        self.updates += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = self.beta2 * self.second + (1 - self.beta2) * gradient**2
        second = self.second / (1 - self.beta2**self.updates)
        return self.first / (1 - 0.9**self.updates) / (np.sqrt(second) + self.eps)

    def __call__(self, weights: Flat, gradient: Flat, lr: float) -> Flat:
        """One step."""
        return weights * (1 - lr * self.decay) - lr * self.step(gradient)


class Muon:
    """Momentum, made orthogonal by Newton and Schulz's iteration."""

    def __init__(self) -> None:
        """Begin with no momentum."""
        self.adam, self.momentum = AdamW(), np.zeros(9760)

    def __call__(self, weights: Flat, gradient: Flat, lr: float) -> Flat:
        """One step."""
        self.momentum = 0.95 * self.momentum + gradient
        ahead = gradient + 0.95 * self.momentum
        new = self.adam(weights, gradient, lr)
        for name, shape in MATRICES.items():
            at = PLACES[name]
            step = orthogonal(ahead[at].reshape(shape)) * 0.2 * np.sqrt(max(shape))
            new[at] = weights[at] - lr * step.ravel()
        return new


def orthogonal(matrix: Flat) -> Flat:
    """Its singular values brought near 1, with the constants of Muon's authors."""
    x = matrix / (np.linalg.norm(matrix) + 1e-7)
    x = x.T if x.shape[0] > x.shape[1] else x
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x if x.shape == matrix.shape else x.T


class Soap:
    """Adam in a basis that is brought up to date every 20 steps."""

    def __init__(self) -> None:
        """Begin with no preconditioner."""
        self.adam, self.steps, self.mean = AdamW(beta2=0.99), 0, np.zeros(9760)
        self.sums = {name: [np.zeros((n, n)) for n in shape] for name, shape in MATRICES.items()}
        self.bases = {name: [np.eye(n) for n in shape] for name, shape in MATRICES.items()}

    def _turn(self, flat: Flat, back: bool) -> Flat:
        turned = flat.copy()
        for name, shape in MATRICES.items():
            left, right = self.bases[name]
            matrix = flat[PLACES[name]].reshape(shape)
            turned[PLACES[name]] = (
                left @ matrix @ right.T if back else left.T @ matrix @ right
            ).ravel()
        return turned

    def __call__(self, weights: Flat, gradient: Flat, lr: float) -> Flat:
        """One step."""
        self.steps += 1
        for name, shape in MATRICES.items():
            matrix = gradient[PLACES[name]].reshape(shape)
            for side, square in enumerate((matrix @ matrix.T, matrix.T @ matrix)):
                self.sums[name][side] = 0.98 * self.sums[name][side] + 0.02 * square
                if self.steps == 1:
                    self.bases[name][side] = np.linalg.eigh(self.sums[name][side])[1]
                elif self.steps % 20 == 0:
                    turned = self.sums[name][side] @ self.bases[name][side]
                    self.bases[name][side] = np.linalg.qr(turned)[0]
        # The mean is kept in the weights' own basis, the squares in the turned one.
        self.mean = 0.9 * self.mean + 0.1 * gradient
        adam = self.adam
        adam.updates += 1
        adam.second = 0.99 * adam.second + 0.01 * self._turn(gradient, back=False) ** 2
        direction = self._turn(self.mean, back=False) / (1 - 0.9**adam.updates)
        direction /= np.sqrt(adam.second / (1 - 0.99**adam.updates)) + adam.eps
        return weights * (1 - lr * 0.01) - lr * self._turn(direction, back=True)


TRIALS: list[tuple[str, Callable[[], Optimizer], float, bool]] = [
    ("AdamW", AdamW, 3e-3, False),
    ("AdamW, beta2 0.99", lambda: AdamW(beta2=0.99), 3e-3, False),
    ("AdamW, eps 1e-4", lambda: AdamW(eps=1e-4), 3e-3, False),
    ("Muon, lr 0.003", Muon, 3e-3, False),
    ("Muon, lr 0.006", Muon, 6e-3, False),
    ("Muon, lr 0.012", Muon, 1.2e-2, False),
    ("SOAP, lr 0.0015", Soap, 1.5e-3, False),
    ("SOAP, lr 0.003", Soap, 3e-3, False),
    ("AdamW, constant lr 0.001, averaged weights", AdamW, 1e-3, True),
]


def errors(
    make: Callable[[], Optimizer], lr: float, averaged: bool, passes: int, seed: int, data: Path
) -> float:
    """Validation error in percent of one training, in batches of 64."""
    settings = Settings(
        variant="record",
        data="1989-tune",
        seed=seed,
        passes=passes,
        lr=lr,
        batch_size=64,
        device="cpu",
        engine="native",
        threads=1,
    )
    variant, digits = settings.trained, load("1989-tune", "train", data)
    network = make_network(variant, seed, batch_size=64, optimizer="none")
    bound = _native.Digits(digits.images, digits.labels, read_originals(digits))
    weights = flatten(initial_parameters(variant, seed))
    network.set("weights", weights)
    optimizer, kept = make(), []
    for number in range(1, passes + 1):
        shown = presentation(variant, seed, number, digits)
        network.present(shown.seed, shown.variation, shown.order, shown.targets)
        rate = lr if averaged else settings.lr_at(number)
        for step in range(settings.steps_per_pass):
            network.train(bound, number, step, step + 1, lr)
            weights = optimizer(weights, network.get("gradient"), rate).astype(np.float32)
            network.set("weights", weights)
        if averaged and number > passes * 2 / 3:
            kept.append(weights)
    if kept:
        network.set("weights", np.mean(kept, axis=0, dtype=np.float32))
    test = load("1989-tune", "test", data)
    _, misses = network.evaluate(_native.Digits(test.images, test.labels), 0, len(test))
    return 100 * misses / len(test)


def main() -> None:
    """Print a line for each optimizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=100)
    parser.add_argument("--seeds", type=parse_seeds, default=[0, 1, 2])
    parser.add_argument("--only", default="", help="those whose names hold this")
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    arguments = parser.parse_args()
    print("| optimizer | passes | n | validation error | 95% interval |\n|---|---|---|---|---|")
    for name, make, lr, averaged in [trial for trial in TRIALS if arguments.only in trial[0]]:
        found = summarise(
            [
                errors(make, lr, averaged, arguments.passes, seed, arguments.data_dir)
                for seed in arguments.seeds
            ]
        )
        low, high = found.interval95 or (found.mean, found.mean)
        print(
            f"| {name} | {arguments.passes} | {len(arguments.seeds)} | {found.mean:.3f}% "
            f"| {low:.2f} to {high:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
