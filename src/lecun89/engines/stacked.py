"""Many networks side by side: one operation does a layer of all of them, whatever the device.

Convolutions are products of matrices, a batch of them with one for each network, because
convolutions of a few planes in hundreds of groups are what their libraries are slowest at.
"""

from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from lecun89.engines.parameters import Shapes
from lecun89.network.architecture import BACKGROUND
from lecun89.variants import Variant

PIXELS = 257
"""Numbers of an image as taps count them: its 16x16 pixels, then the background."""


def split(flat: Tensor, shapes: Shapes) -> dict[str, Tensor]:
    """Parameters by name, (networks, ...) each, as views of (networks, parameters)."""
    parts = flat.split([prod(shape) for shape in shapes.values()], dim=1)
    return {
        name: part.unflatten(1, shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def with_background(images: Tensor) -> Tensor:
    """Images (n, 16, 16) as (n, 257), a pixel of background after each."""
    return F.pad(images.flatten(1), (0, 1), value=BACKGROUND)


def windows_of(pixels: Tensor, rows: Tensor, taps: Tensor) -> Tensor:
    """What the first layer's units see of some images.

    Args:
        pixels: (images, 257) or (networks, images, 257), images counted through.
        rows: the images, (examples,) for all networks or (networks, examples).
        taps: of each, (examples, 64 * 25) or (networks, examples, 64 * 25), as
            `lecun89.engines.stackedlayers.Stacked.taps` has them; 1 is for all.
    """
    return pixels.view(-1)[rows[..., None] * PIXELS + taps]


def of_each(table: Tensor, rows: Tensor) -> Tensor:
    """Some rows of each network's own table (networks, n, ...).

    Args:
        table: one row for each digit.
        rows: (examples,) for all networks or (networks, examples).
    """
    if rows.dim() == 1:
        return table[:, rows]
    return table[torch.arange(len(table), device=table.device)[:, None], rows]


def losses(variant: Variant, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each example, (networks, examples).

    Args:
        variant: gives the loss.
        outputs: (networks, examples, 10).
        targets: (examples, 10) or (networks, examples, 10); probabilities for ``cross_entropy``.
    """
    if variant.loss == "cross_entropy":
        return -(targets * outputs.log_softmax(dim=2)).sum(dim=2)
    error = ((targets - outputs) ** 2).mean(dim=2)
    return error / 2 if variant.loss == "half_mse" else error
