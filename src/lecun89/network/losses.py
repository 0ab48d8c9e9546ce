"""The losses by the registry's names, in PyTorch."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecun89.network.architecture import CLASSES
from lecun89.variants import Variant

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


def targets(labels: Tensor, variant: Variant) -> Tensor:
    """What the loss compares outputs with.

    Args:
        labels: (n,) int64.
        variant: whose loss it is: ``cross_entropy`` gives the labels, the others (n, 10) float32
            of plus and minus its target.
    """
    if variant.loss == "cross_entropy":
        return labels
    return (F.one_hot(labels, CLASSES).to(torch.float32) * 2 - 1) * variant.target
