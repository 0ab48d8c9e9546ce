"""Losses, outputs and scores of networks in PyTorch."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecun89.architecture import CLASSES
from lecun89.data import Digits
from lecun89.exceptions import FileFormatError
from lecun89.models import make_network
from lecun89.scores import Score
from lecun89.variants import get_variant
from lecun89.weights import Weights

_CHUNK = 10_000  # digits at a time in a forward pass: bounds its memory at about 150 MB

Loss = Callable[[Tensor, Tensor], Tensor]


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over examples and outputs of the squared difference, without the paper's 1/2."""
    return torch.mean((targets - outputs) ** 2)


def half_mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """With the paper's 1/2."""
    return mean_squared_error(outputs, targets) / 2


LOSSES: dict[str, Loss] = {
    "mse": mean_squared_error,
    "half_mse": half_mean_squared_error,
    "cross_entropy": F.cross_entropy,
}
"""Losses by the registry's names; each takes outputs (n, 10) and what `targets` returns."""


def targets(labels: Tensor, loss: str) -> Tensor:
    """What the loss compares outputs with.

    Args:
        labels: (n,) int64.
        loss: ``cross_entropy`` gives the labels, the others (n, 10) float32 of +1 and -1.
    """
    if loss == "cross_entropy":
        return labels
    return F.one_hot(labels, CLASSES).to(torch.float32) * 2 - 1


@torch.no_grad()
def outputs(network: nn.Module, images: Tensor) -> Tensor:
    """Outputs (n, 10) of the network for images (n, 1, 16, 16), without dropout or shift."""
    return torch.cat([network(chunk) for chunk in images.split(_CHUNK)])


def score(outputs: Tensor, labels: Tensor, loss: str) -> Score:
    """Score of outputs (n, 10) against labels (n,), by the loss of that name."""
    value = LOSSES[loss](outputs, targets(labels, loss))
    misses = (outputs.argmax(dim=1) != labels).sum()
    return Score(float(value), int(misses), len(labels))


def network_of(weights: Weights) -> nn.Module:
    """The network that trained weights belong to, holding them, on the CPU."""
    network = make_network(get_variant(weights.variant), torch.Generator())
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.arrays.items()})
    return network


def outputs_of(weights: Weights, digits: Digits, device: str) -> Tensor:
    """Outputs (n, 10) of trained weights for digits, computed on a device."""
    network = network_of(weights).to(device)
    return outputs(network, torch.tensor(digits.images[:, None], device=device))


def score_outputs(outputs: Tensor, digits: Digits, variant: str) -> Score:
    """Score of outputs (n, 10) for digits, by the variant's loss.

    Raises:
        FileFormatError: the loss is not finite, so that the weights are of no use.
    """
    labels = torch.tensor(digits.labels, dtype=torch.int64, device=outputs.device)
    found = score(outputs, labels, get_variant(variant).loss)
    if not math.isfinite(found.loss):
        raise FileFormatError("these weights give a loss that is not finite: they are of no use")
    return found
