"""Outputs and scores of networks in PyTorch, on whatever device a network is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lecun89.analysis.rejection import RejectionCurve, rejection_curve
from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.devices import is_out_of_memory
from lecun89.exceptions import FileFormatError
from lecun89.network.architecture import CLASSES
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import Network, variant_of
from lecun89.variants import Variant

T = TypeVar("T")

_CHUNK = 10_000  # digits at a time in a forward pass: bounds its memory at about 150 MB


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of a split.

    Attributes:
        digits: of the split.
        outputs: (n, 10) float32.
        score: loss and misses.
    """

    digits: Digits
    outputs: npt.NDArray[np.float32]
    score: Score

    @property
    def classes(self) -> list[tuple[int, int, int]]:
        """Each digit from 0 to 9 with its misses and its total."""
        labels = self.digits.labels
        missed = labels[self.outputs.argmax(axis=1) != labels]
        counts = (np.bincount(of, minlength=CLASSES).tolist() for of in (missed, labels))
        return list(zip(range(CLASSES), *counts, strict=True))

    @property
    def rejection_curve(self) -> RejectionCurve:
        """Error on the accepted digits for every number of them."""
        return rejection_curve(self.outputs, self.digits.labels)


@torch.no_grad()
def outputs(network: nn.Module, images: Tensor) -> Tensor:
    """Outputs (n, 10) of the network, on its device, for images (n, 1, 16, 16) on any."""
    device = next(network.parameters()).device
    return torch.cat(
        in_chunks(len(images), _CHUNK, lambda first, last: network(images[first:last].to(device)))
    )


def in_chunks(total: int, size: int, work: Callable[[int, int], T]) -> list[T]:
    """What `work` makes of each chunk of rows, halved where a device is out of memory.

    Args:
        total: how many rows there are.
        size: of the first chunk.
        work: takes the first row and the one after the last.
    """
    found: list[T] = []
    first = 0
    while first < total:
        last = min(first + size, total)
        try:
            found.append(work(first, last))
        except RuntimeError as error:
            size = (last - first) // 2
            if size == 0 or not is_out_of_memory(error):
                raise
        else:
            first = last
    return found


@torch.no_grad()
def activations(network: Network, image: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    """What an image (16, 16) makes of H1 (12, 8, 8), H2 (12, 4, 4), H3 (30,) and out (10,)."""
    layers = network.activations(torch.tensor(image[None, None], device=network.outb.device))
    return {name: values[0].cpu().numpy() for name, values in layers.items()}


def score(outputs: Tensor, labels: Tensor, variant: Variant) -> Score:
    """Score of outputs (n, 10) against labels (n,), by the variant's loss."""
    value = LOSSES[variant.loss](outputs, targets(labels, variant))
    misses = (outputs.argmax(dim=1) != labels).sum()
    return Score(float(value), int(misses), len(labels))


def evaluate(network: nn.Module, digits: Digits) -> Score:
    """Score of a network on digits, by the loss of its variant; errors as of `examine`."""
    return examine(network, digits).score


def examine(network: nn.Module, digits: Digits) -> Evaluation:
    """Outputs and score of a network on digits, by the loss of its variant.

    Raises:
        UsageError: the network has no variant.
        FileFormatError: the loss is not finite, so that the weights are of no use.
    """
    variant = variant_of(network)
    made = outputs(network, torch.tensor(digits.images[:, None]))
    labels = torch.tensor(digits.labels, dtype=torch.int64, device=made.device)
    found = score(made, labels, variant)
    if not math.isfinite(found.loss):
        raise FileFormatError("these weights give a loss that is not finite: they are of no use")
    return Evaluation(digits, made.cpu().numpy(), found)
