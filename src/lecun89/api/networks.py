"""What is done with a trained network: load, evaluate, look at its misses, read a digit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from lecun89.analysis import evaluation
from lecun89.analysis.misses import Misses, find_misses
from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.data.sets import normalisation_of
from lecun89.network.modules import network_of
from lecun89.reading.normalise import normalise
from lecun89.render.errorreports import misses_sheet
from lecun89.training.trained import open_trained


def load_model(
    name: str | Path = "record",
    *,
    data: str | None = None,
    variant: str | None = None,
    runs_dir: str | Path = "runs",
) -> nn.Module:
    """A trained network.

    >>> import lecun89
    >>> net = lecun89.load_model("record", data="full")
    >>> sum(p.numel() for p in net.parameters())
    9760

    Args:
        name: of published weights (``record``), a run, a weights file, a state dict that others
            saved (torch.save's, safetensors or .npz), in which nothing is executed, or a
            directory with one such file in it.
        data: the data set on which published weights were trained; ``1989`` when left out.
        variant: the network that a file of others belongs to, as ``base`` or ``modern``.
        runs_dir: where runs are looked for by their names.

    Returns:
        A PyTorch module on the CPU, in evaluation mode. It takes images (n, 1, 16, 16) float32
        from -1 to 1 and gives outputs (n, 10).

    Raises:
        FileFormatError: there is nothing of that name, or it is damaged.
        UsageError: `variant` is needed, unknown, or not what the file says.
    """
    trained = open_trained(str(name), Path(runs_dir), variant, data)
    return network_of(trained.weights).eval()


def evaluate(network: nn.Module, digits: Digits) -> Score:
    """Loss and misses of a network on digits.

    >>> import lecun89
    >>> score = lecun89.evaluate(lecun89.load_model("record"), lecun89.load_digits("1989").test)
    >>> score.misses, score.total, f"{score.error_percent:.2f}%"
    (14, 2007, '0.70%')

    Args:
        network: from `load_model` or a `Result`, on any device.
        digits: a split, such as ``lecun89.load_digits("1989").test``.

    Returns:
        A `Score`: ``loss``, ``misses``, ``total``, ``error_percent`` and ``interval95``, Wilson's
        interval of the error in percent.

    Raises:
        UsageError: the network is not one of this package's.
    """
    return evaluation.evaluate(network, digits)


@dataclass(frozen=True)
class MissedDigits(Misses):
    """The digits that a network misses; see `misses`.

    Attributes:
        digits: on which they were missed.
    """

    digits: Digits

    def plot(self) -> Image.Image:
        """A contact sheet: each missed digit, what it is, and in red what it was taken for."""
        return misses_sheet(self, self.digits)

    def __len__(self) -> int:
        return len(self.missed)

    def __repr__(self) -> str:
        pairs = ", ".join(f"{a} as {b} ({n})" for a, b, n in self.confused_pairs[:5])
        return (
            f"<{self.variant} on {self.data}: {len(self):,} of {self.score.total:,} {self.split} "
            f"digits missed{'; most confused: ' if pairs else ''}{pairs}>"
        )

    def _repr_png_(self) -> bytes | None:
        found: bytes | None = self.plot()._repr_png_()
        return found


def misses(network: nn.Module, digits: Digits) -> MissedDigits:
    """The digits that a network misses, the largest margin first.

    >>> import lecun89
    >>> missed = lecun89.misses(lecun89.load_model("record"), lecun89.load_digits("1989").test)
    >>> len(missed), missed.confusion.shape
    (14, (10, 10))

    Args:
        network: as in `evaluate`.
        digits: see there.

    Returns:
        `MissedDigits`: ``missed``, each with index, label, prediction, outputs and margin;
        ``confusion`` (10, 10); ``confused_pairs``; and ``plot()``, a picture of them.
    """
    found = find_misses(network, digits)
    return MissedDigits(**vars(found), digits=digits)


@dataclass(frozen=True)
class Prediction:
    """What a network reads.

    Attributes:
        label: the digit with the largest output.
        margin: the largest output less the second; small ones are doubtful.
        outputs: (10,) float32.
        image: (16, 16) float32, what the network saw.
    """

    label: int
    margin: float
    outputs: npt.NDArray[np.float32] = field(repr=False)
    image: npt.NDArray[np.float32] = field(repr=False)

    def __int__(self) -> int:
        return self.label


@torch.no_grad()
def predict(network: nn.Module, image: Any) -> Prediction:
    """The digit that a network reads in an image.

    >>> import lecun89
    >>> digits = lecun89.load_digits("1989").test
    >>> net = lecun89.load_model("record")
    >>> lecun89.predict(net, digits.images[0]).label, int(digits.labels[0])
    (4, 4)

    Args:
        network: as in `evaluate`.
        image: one digit. An array (16, 16) of floats from -1 to 1 is taken as it is, as in
            ``digits.test.images``, and bytes (28, 28) as MNIST has them are reduced by the data
            rule. Any other array, PIL image, or path of an image is normalised as MNIST's digits
            were: dark on light or the reverse, scaled into a box of 20x20, and centred by its
            mass in 28x28. For a network that was trained on the Postal Service's digits it is,
            as they were, set upright, scaled into 16x16, and put in the middle.

    Raises:
        FileFormatError: the file is missing, no image, or damaged.
        UsageError: it is no image, or nothing is drawn on it.
    """
    seen = normalise(image, normalisation_of(getattr(network, "data", None)))
    made = evaluation.outputs(network, torch.tensor(seen[None, None]))[0].cpu().numpy()
    second, first = np.sort(made)[-2:]
    return Prediction(int(made.argmax()), float(first - second), made, seen)
