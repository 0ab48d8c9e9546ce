"""Stochastic diagonal Levenberg-Marquardt, the optimizer of LeCun et al. 1989.

Each weight has a learning rate of its own, divided by the diagonal of the curvature as Gauss and
Newton approximate it (Becker and LeCun 1988, "Improving the convergence of back-propagation
learning with second order methods"), without the terms between units of a layer:

- of an output unit, for the energy 1/2 sum (target - output)^2: 1;
- of a unit's sum: that of its value, times the slope squared;
- of a unit's value: over the units it goes to, the sum of the weight squared times that of their
  sum;
- of a weight: the sum over its connections of that of the unit's sum times the input squared.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from lecun89.network.modules import Network
from lecun89.variants import Variant

_SLOPES: dict[str | None, Callable[[Tensor], Tensor]] = {
    "tanh": lambda value: 1 - value**2,
    "scaled_tanh": lambda value: 2 / 3 * (1.7159 - value**2 / 1.7159),
    "relu": lambda value: (value > 0).to(value.dtype),
    None: torch.ones_like,
}

ENERGY = {"mse": 5.0, "half_mse": 10.0}
"""1/2 of the sum over ten outputs, in units of the loss of that name, a mean over them."""


def curvature(
    network: Network, variant: Variant, images: Tensor, mask: Tensor | None = None
) -> dict[str, Tensor]:
    """The diagonal of the curvature, the mean over examples.

    Args:
        network: of the variant.
        variant: its activations, with squared error.
        images: (n, 1, 16, 16).
        mask: of dropout, as the network takes it.

    Returns:
        A tensor for each parameter, of its shape.
    """
    with torch.no_grad():
        values = network.activations(images, mask)
    squared = {name: (p.detach() ** 2).requires_grad_() for name, p in network.named_parameters()}

    units = squares(variant, values, mask, network.dropout_after)
    out = network.propagate(squared, images**2, units, background=1.0)
    found = torch.autograd.grad(out.sum() / len(images), list(squared.values()))
    return dict(zip(squared, found, strict=True))


def squares(
    variant: Variant, values: Mapping[str, Tensor], mask: Tensor | None, dropped: str | None
) -> Callable[[str, Tensor], Tensor]:
    """What the units of a network of squares make of its sums.

    Backpropagation through it is the recursion above: its units have the squares of the values,
    and the squares of the slopes in place of slopes.

    Args:
        variant: its activations.
        values: of each layer, in the network itself.
        mask: of dropout, in the shape of the values.
        dropped: the layer that it belongs to.
    """

    def units(layer: str, sums: Tensor) -> Tensor:
        of = variant.output_activation if layer == "out" else variant.activation
        value, factor = values[layer], torch.ones(())
        if mask is not None and dropped == layer:
            factor = mask
            with torch.no_grad():
                value = torch.where(mask > 0, value / mask, torch.zeros(()))
        slope = (_SLOPES[of](value) * factor) ** 2
        return values[layer] ** 2 + slope * (sums - sums.detach())

    return units


class Sdlm(torch.optim.Optimizer):
    """w <- w - lr * gradient / (damping + curvature), as a PyTorch optimizer.

    The state of each parameter has its ``curvature``, which `remember` and `replace` set.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, energy: float, damping: float, memory: float
    ) -> None:
        """Start with a curvature of 0.

        Args:
            params: the parameters, in the order of the curvatures.
            lr: the learning rate: epsilon.
            energy: factor from the loss to 1/2 of the sum over outputs.
            damping: mu.
            memory: gamma, the share of the newest curvature.
        """
        defaults: dict[str, Any] = {"lr": lr, "energy": energy, "damping": damping}
        super().__init__(params, defaults)
        self._memory = memory
        for parameter in self._parameters():
            self.state[parameter]["curvature"] = torch.zeros_like(parameter)

    @torch.no_grad()
    def remember(self, curvatures: Iterable[Tensor]) -> None:
        """Move the running mean by `memory` towards those of an example."""
        for parameter, newest in zip(self._parameters(), curvatures, strict=True):
            self.state[parameter]["curvature"].lerp_(newest, self._memory)

    @torch.no_grad()
    def replace(self, curvatures: Iterable[Tensor]) -> None:
        """Take these in place of what there was."""
        for parameter, newest in zip(self._parameters(), curvatures, strict=True):
            self.state[parameter]["curvature"].copy_(newest)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the parameters by their gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                rate = group["lr"] * group["energy"]
                damped = group["damping"] + self.state[parameter]["curvature"]
                parameter.addcdiv_(parameter.grad, damped, value=-rate)

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]
