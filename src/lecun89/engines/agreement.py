"""Whether a device computes what the CPU computes."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from lecun89.data import Digits
from lecun89.exceptions import DeviceError
from lecun89.network.losses import LOSSES, targets
from lecun89.variants import Variant

DIGITS = 64
"""How many digits two devices are compared on at a time."""

Found = dict[str, torch.Tensor]
"""Outputs and gradients on the CPU, by what a message calls them."""

_TOLERANCE = 1e-3  # of the largest value; float32 sums in another order differ by 1e-6


def check_agreement(
    network: nn.Module, variant: Variant, digits: Digits, device: torch.device
) -> None:
    """Compare outputs and gradients of a network on a device with the CPU's, on real digits.

    Args:
        network: on the CPU; it is left as it is.
        variant: gives the loss.
        digits: the first are used.
        device: the device to check.

    Raises:
        DeviceError: an output or a gradient differs; training there would go wrong unnoticed.
    """
    check_close(
        lambda rows: outputs_and_gradients(network, variant, digits, rows, device),
        lambda rows: outputs_and_gradients(network, variant, digits, rows, torch.device("cpu")),
        device,
    )


def check_close(
    ours: Callable[[slice], Found], references: Callable[[slice], Found], device: torch.device
) -> None:
    """Compare what `named` gives, computed on a device, with the same of the CPU.

    Two right devices may disagree on some digits, because a ReLU whose sum is 0 but for rounding
    passes the gradient on one of them alone. On the next digits they agree.

    Args:
        ours: what the device makes of these digits.
        references: what the CPU makes of them.
        device: the device.

    Raises:
        DeviceError: an output or a gradient differs on both samples of digits.
    """
    for first in (0, DIGITS):
        rows = slice(first, first + DIGITS)
        if (difference := _difference(ours(rows), references(rows))) is None:
            return
    raise DeviceError(
        f"device {device} disagrees with the CPU on real digits: {difference}; "
        "train with --device cpu"
    )


def _difference(ours: Found, references: Found) -> str | None:
    for name, reference in references.items():
        scale = float(reference.abs().max()) or 1.0
        difference = float((ours[name] - reference).abs().max()) / scale
        if not difference <= _TOLERANCE:  # also when it is not a number
            return f"{name} differs by {difference:.1e} of its size"
    return None


def outputs_and_gradients(
    network: nn.Module, variant: Variant, digits: Digits, rows: slice, device: torch.device
) -> Found:
    """Outputs and gradients of a network for these digits, as `named` has them."""
    network = copy.deepcopy(network).to(device)
    images = torch.tensor(digits.images[rows, None], device=device)
    labels = torch.tensor(digits.labels[rows], dtype=torch.int64, device=device)
    outputs = network(images)
    LOSSES[variant.loss](outputs, targets(labels, variant)).backward()
    gradients: dict[str, torch.Tensor] = {}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        gradients[name] = parameter.grad
    return named(outputs, gradients)


def named(outputs: torch.Tensor, gradients: dict[str, torch.Tensor]) -> Found:
    """What is compared."""
    found = {"the output": outputs.detach().cpu()}
    return found | {f"the gradient of {name}": g.cpu() for name, g in gradients.items()}
