"""Whether a device computes what the CPU computes."""

import copy

import torch

from lecun89.data import Digits
from lecun89.evaluation import LOSSES, targets
from lecun89.exceptions import DeviceError
from lecun89.models import Network

_DIGITS = 64
_TOLERANCE = 1e-3  # of the largest value; float32 sums in another order differ by 1e-6


def check_agreement(network: Network, loss: str, digits: Digits, device: torch.device) -> None:
    """Compare outputs and gradients of a network on a device with the CPU's, on real digits.

    Args:
        network: on the CPU; it is left as it is.
        loss: the loss by its name in the registry.
        digits: the first 64 are used.
        device: the device to check.

    Raises:
        DeviceError: an output or a gradient differs; training there would go wrong unnoticed.
    """
    ours = _outputs_and_gradients(network, loss, digits, device)
    for name, reference in _outputs_and_gradients(network, loss, digits, None).items():
        scale = float(reference.abs().max()) or 1.0
        difference = float((ours[name] - reference).abs().max()) / scale
        if not difference <= _TOLERANCE:  # also when it is not a number
            raise DeviceError(
                f"device {device} disagrees with the CPU on real digits: {name} differs by "
                f"{difference:.1e} of its size; train with --device cpu"
            )


def _outputs_and_gradients(
    network: Network, loss: str, digits: Digits, device: torch.device | None
) -> dict[str, torch.Tensor]:
    network = copy.deepcopy(network).to(device or "cpu")
    images = torch.tensor(digits.images[:_DIGITS, None], device=device)
    labels = torch.tensor(digits.labels[:_DIGITS], dtype=torch.int64, device=device)
    outputs = network(images)
    LOSSES[loss](outputs, targets(labels, loss)).backward()
    found = {"the output": outputs.detach().cpu()}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        found[f"the gradient of {name}"] = parameter.grad.cpu()
    return found
