"""Many networks side by side: one operation does a layer of all of them, whatever the device.

Convolutions are products of matrices, a batch of them with one for each network, because
convolutions of a few planes in hundreds of groups are what their libraries are slowest at.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lecun89.network.architecture import BACKGROUND, PARAMETER_SHAPES
from lecun89.network.modules import SQUASHING
from lecun89.variants import Variant

PIXELS = 257
"""Numbers of an image as `taps` counts them: its 16x16 pixels, then the background."""


def split(flat: Tensor) -> dict[str, Tensor]:
    """Parameters by name, (networks, ...) each, as views of (networks, 9760)."""
    sizes = [int(np.prod(shape)) for shape in PARAMETER_SHAPES.values()]
    parts = flat.split(sizes, dim=1)
    return {
        name: part.unflatten(1, shape)
        for (name, shape), part in zip(PARAMETER_SHAPES.items(), parts, strict=True)
    }


def with_background(images: Tensor) -> Tensor:
    """Images (n, 16, 16) as (n, 257), a pixel of background after each."""
    return F.pad(images.flatten(1), (0, 1), value=BACKGROUND)


def taps(reach: int) -> Tensor:
    """Which pixel each tap of H1's kernels meets, for each roll by up to `reach` pixels.

    Returns:
        (rolls, 64 * 25) int64, from 0 to 256; a roll by (y, x) is at
        (y + reach) * (2 * reach + 1) + x + reach.
    """
    unit, tap = torch.arange(8), torch.arange(5)
    place = (2 * unit[:, None] + tap - 2).repeat(2 * reach + 1, 1, 1)  # (rolls, 8, 5)
    inside = (place >= 0) & (place < 16)
    pixel = (place - torch.arange(-reach, reach + 1)[:, None, None]) % 16
    y, x = pixel[:, None, :, None, :, None], pixel[None, :, None, :, None, :]
    both = inside[:, None, :, None, :, None] & inside[None, :, None, :, None, :]
    return torch.where(both, 16 * y + x, PIXELS - 1).reshape((2 * reach + 1) ** 2, 64 * 25)


def windows_of(pixels: Tensor, rows: Tensor, taps: Tensor) -> Tensor:
    """What H1's units see of some images.

    Args:
        pixels: (images, 257) or (networks, images, 257), images counted through.
        rows: the images, (examples,) for all networks or (networks, examples).
        taps: of each, (examples, 64 * 25) or (networks, examples, 64 * 25); 1 is for all.
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


def forward(variant: Variant, p: dict[str, Tensor], windows: Tensor, mask: Tensor | None) -> Tensor:
    """Outputs of out, (networks, examples, 10).

    Args:
        variant: activations, and the place of dropout.
        p: as `split` gives them.
        windows: (networks, examples, 64 * 25), or (1, ...) for all networks: what H1's units see.
        mask: multiplies the units after which the variant drops, (networks, examples, 192) of H2
            or (networks, examples, 30) of H3.
    """
    activation = SQUASHING[variant.activation]
    networks, examples = len(p["H1w"]), windows.shape[1]
    # Planes come last, so that the windows of H2 lie as they are needed.
    h1 = windows.reshape(-1, 64 * examples, 25) @ p["H1w"].flatten(2).transpose(1, 2)
    h1 = h1.view(networks, examples, 64, 12) + p["H1b"].flatten(2).transpose(1, 2)[:, None]
    h1 = activation(h1).view(networks, examples, 8, 8, 12)
    padded = F.pad(h1, (0, 0, 2, 2, 2, 2), value=BACKGROUND)
    seen = padded.unfold(2, 5, 2).unfold(3, 5, 2).reshape(networks, 16 * examples, 12 * 25)

    # With zeros for the planes that it does not see, a plane of H2 sees all twelve: more sums,
    # but one product where there were three.
    w = p["H2w"].flatten(3)
    unseen = w.new_zeros(networks, 4, 4, 25)
    dense = torch.cat(
        (
            torch.cat((w[:, 0:4], unseen), dim=2),
            torch.cat((unseen, w[:, 4:8]), dim=2),
            torch.cat((w[:, 8:12, :4], unseen, w[:, 8:12, 4:]), dim=2),
        ),
        dim=1,
    )
    h2 = (seen @ dense.flatten(2).transpose(1, 2)).view(networks, examples, 16, 12)
    h2 = activation(h2 + p["H2b"].flatten(2).transpose(1, 2)[:, None])
    h2 = h2.transpose(2, 3).reshape(networks, examples, 192)
    if mask is not None and variant.dropout_after == "H2":
        h2 = h2 * mask
    h3 = activation(h2 @ p["H3w"] + p["H3b"][:, None])
    if mask is not None and variant.dropout_after == "H3":
        h3 = h3 * mask
    out = h3 @ p["outw"] + p["outb"][:, None]
    return SQUASHING[variant.output_activation](out)


def losses(variant: Variant, outputs: Tensor, targets: Tensor) -> Tensor:
    """Loss of each example, (networks, examples).

    Args:
        variant: gives the loss.
        outputs: (networks, examples, 10).
        targets: (examples, 10) or (networks, examples, 10); probabilities for
            ``cross_entropy``, +1 and -1 else.
    """
    if variant.loss == "cross_entropy":
        return -(targets * outputs.log_softmax(dim=2)).sum(dim=2)
    error = ((targets - outputs) ** 2).mean(dim=2)
    return error / 2 if variant.loss == "half_mse" else error
