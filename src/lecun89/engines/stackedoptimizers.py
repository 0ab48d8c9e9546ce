"""What the graph engine's optimizers make of gradients, for networks side by side.

Learning rates lie on the device, one for each network, and everything that is kept is changed in
place.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lecun89.engines.stackedlayers import Stacked
from lecun89.network.sdlm import ENERGY, squares
from lecun89.variants import Variant


@torch.no_grad()
def update(
    variant: Variant,
    weights: Tensor,
    moments: Mapping[str, Tensor],
    lr: Tensor,
    gradient: Tensor,
    corrections: Tensor,
    step: Tensor,
) -> None:
    """One step: of torch.optim.SGD or AdamW with their defaults, or of `lecun89.network.sdlm`.

    Args:
        variant: gives the optimizer.
        weights: (networks, parameters), like the gradient and each of the moments.
        moments: by the names of `lecun89.engines.parameters.MOMENTS`.
        lr: (networks, 1).
        gradient: of the loss.
        corrections: (steps, 2), of AdamW's moments.
        step: (1,) int64, the number of this one.
    """
    if not moments:
        weights.sub_(lr * gradient)
    elif variant.optimizer == "adamw":
        first, second = moments["exp_avg"], moments["exp_avg_sq"]
        rate, root = corrections[step][0]
        first.lerp_(gradient, 0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        weights.mul_(1 - lr * variant.weight_decay)
        weights.sub_(lr * rate * first / (second.sqrt() * root + 1e-8))
    else:
        damped = moments["curvature"] + variant.damping
        weights.sub_(lr * ENERGY[variant.loss] * gradient / damped)


def curvature(
    stacked: Stacked,
    variant: Variant,
    p: Mapping[str, Tensor],
    windows: Tensor,
    values: Mapping[str, Tensor],
    mask: Tensor | None = None,
) -> Tensor:
    """As `lecun89.network.sdlm.curvature`: of each network, (networks, parameters).

    The sum over examples, and not their mean.

    Args:
        stacked: the networks.
        variant: theirs.
        p: their parameters.
        windows: what they saw, and
        values: what they made of it, as `Stacked.activations` gives it.
        mask: of dropout, as that took it.
    """
    with torch.enable_grad():
        squared = {name: (of.detach() ** 2).requires_grad_() for name, of in p.items()}
        known = {layer: of.detach() for layer, of in values.items()}
        units = squares(variant, known, mask, variant.dropout_after)
        out = stacked.propagate(squared, windows**2, units, background=1.0)
        found = torch.autograd.grad(out.sum(), list(squared.values()))
    return torch.cat([of.flatten(1) for of in found], dim=1)
