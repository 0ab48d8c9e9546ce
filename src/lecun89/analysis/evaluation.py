"""Outputs and scores of networks in PyTorch."""

import math

import torch
from torch import Tensor, nn

from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.exceptions import FileFormatError
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import network_of
from lecun89.network.weights import Weights
from lecun89.variants import get_variant

_CHUNK = 10_000  # digits at a time in a forward pass: bounds its memory at about 150 MB


@torch.no_grad()
def outputs(network: nn.Module, images: Tensor) -> Tensor:
    """Outputs (n, 10) of the network for images (n, 1, 16, 16), without dropout or shift."""
    return torch.cat([network(chunk) for chunk in images.split(_CHUNK)])


def score(outputs: Tensor, labels: Tensor, loss: str) -> Score:
    """Score of outputs (n, 10) against labels (n,), by the loss of that name."""
    value = LOSSES[loss](outputs, targets(labels, loss))
    misses = (outputs.argmax(dim=1) != labels).sum()
    return Score(float(value), int(misses), len(labels))


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
