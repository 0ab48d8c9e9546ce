"""Whether a device computes what the CPU computes."""

import copy

import torch
from torch import nn

from lecun89.data import Digits
from lecun89.exceptions import DeviceError
from lecun89.network.losses import LOSSES, targets

DIGITS = 64
"""How many digits two devices are compared on."""

_TOLERANCE = 1e-3  # of the largest value; float32 sums in another order differ by 1e-6


def check_agreement(network: nn.Module, loss: str, digits: Digits, device: torch.device) -> None:
    """Compare outputs and gradients of a network on a device with the CPU's, on real digits.

    Args:
        network: on the CPU; it is left as it is.
        loss: the loss by its name in the registry.
        digits: the first 64 are used.
        device: the device to check.

    Raises:
        DeviceError: an output or a gradient differs; training there would go wrong unnoticed.
    """
    ours = outputs_and_gradients(network, loss, digits, device)
    check_close(ours, outputs_and_gradients(network, loss, digits, torch.device("cpu")), device)


def check_close(
    ours: dict[str, torch.Tensor], references: dict[str, torch.Tensor], device: torch.device
) -> None:
    """Compare what `named` gives, computed on a device, with the same of the CPU.

    Raises:
        DeviceError: an output or a gradient differs.
    """
    for name, reference in references.items():
        scale = float(reference.abs().max()) or 1.0
        difference = float((ours[name] - reference).abs().max()) / scale
        if not difference <= _TOLERANCE:  # also when it is not a number
            raise DeviceError(
                f"device {device} disagrees with the CPU on real digits: {name} differs by "
                f"{difference:.1e} of its size; train with --device cpu"
            )


def outputs_and_gradients(
    network: nn.Module, loss: str, digits: Digits, device: torch.device
) -> dict[str, torch.Tensor]:
    """Outputs and gradients of a network for the first digits, as `named` has them."""
    network = copy.deepcopy(network).to(device)
    images = torch.tensor(digits.images[:DIGITS, None], device=device)
    labels = torch.tensor(digits.labels[:DIGITS], dtype=torch.int64, device=device)
    outputs = network(images)
    LOSSES[loss](outputs, targets(labels, loss)).backward()
    gradients: dict[str, torch.Tensor] = {}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        gradients[name] = parameter.grad
    return named(outputs, gradients)


def named(outputs: torch.Tensor, gradients: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What is compared, on the CPU, by what a message calls it."""
    found = {"the output": outputs.detach().cpu()}
    return found | {f"the gradient of {name}": g.cpu() for name, g in gradients.items()}
