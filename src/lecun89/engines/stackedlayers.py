"""The structures whose networks the graph engine trains side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lecun89.engines.stacked import PIXELS
from lecun89.network.architecture import BACKGROUND, IMAGE_SIZE, planes_seen
from lecun89.network.modules import SQUASHING
from lecun89.network.structures import structure_of
from lecun89.variants import Variant

Units = Callable[[str, Tensor], Tensor]


class Stacked:
    """The network of 1989, many of them side by side.

    Attributes:
        shapes: of a network's parameters, by name.
    """

    _units, _stride, _kernel = 8, 2, 5  # of the first layer, in y and in x

    def __init__(self, variant: Variant, device: torch.device) -> None:
        """Put on the device what the layers read.

        Args:
            variant: planes, table, activations, and the place of dropout.
            device: where the networks are.
        """
        self._variant = variant
        self.shapes = structure_of(variant).shapes
        table = torch.tensor(planes_seen(variant.table, variant.planes))
        planes = len(table)
        kernels = torch.arange(table.numel()).view_as(table)
        # Of each kernel its place among those of a plane that sees all, and back; the place after
        # the last kernel is for those that are unseen.
        self._seen = (table + planes * torch.arange(planes)[:, None]).flatten()
        self._dense = torch.full((planes * planes,), table.numel())
        self._dense[self._seen] = kernels.flatten()
        self._seen, self._dense = self._seen.to(device), self._dense.to(device)

    def taps(self, reach: int) -> Tensor:
        """Which pixel each input of the first layer is, for each roll by up to `reach` pixels.

        Returns:
            (rolls, 64 * 25) int64, from 0 to 256, the background; a roll by (y, x) is at
            (y + reach) * (2 * reach + 1) + x + reach.
        """
        unit, tap = torch.arange(self._units), torch.arange(self._kernel)
        place = self._stride * unit[:, None] + tap - self._kernel // 2
        place = place.repeat(2 * reach + 1, 1, 1)  # (rolls, 8, 5)
        inside = (place >= 0) & (place < IMAGE_SIZE)
        pixel = (place - torch.arange(-reach, reach + 1)[:, None, None]) % IMAGE_SIZE
        y, x = pixel[:, None, :, None, :, None], pixel[None, :, None, :, None, :]
        both = inside[:, None, :, None, :, None] & inside[None, :, None, :, None, :]
        return torch.where(both, IMAGE_SIZE * y + x, PIXELS - 1).reshape((2 * reach + 1) ** 2, -1)

    def activations(
        self, p: Mapping[str, Tensor], windows: Tensor, mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Activations of each layer; of out, (networks, examples, 10).

        Args:
            p: as `lecun89.engines.stacked.split` gives them.
            windows: (networks, examples, 64 * 25), or (1, ...) for all networks: what the first
                layer's units see.
            mask: as `laid_out` gives it.
        """
        variant, found = self._variant, {}
        activation, output = SQUASHING[variant.activation], SQUASHING[variant.output_activation]

        def units(layer: str, sums: Tensor) -> Tensor:
            value = output(sums) if layer == "out" else activation(sums)
            if mask is not None and layer == variant.dropout_after:
                value = value * mask
            found[layer] = value
            return value

        self.propagate(p, windows, units)
        return found

    def laid_out(self, mask: Tensor) -> Tensor:
        """A mask (networks, examples, units) as the units lie that it multiplies."""
        if self._variant.dropout_after == "H2":
            mask = mask.view(*mask.shape[:2], self._variant.planes, 16).transpose(2, 3)
        return mask

    def propagate(
        self,
        p: Mapping[str, Tensor],
        windows: Tensor,
        units: Units,
        background: float = BACKGROUND,
    ) -> Tensor:
        """The networks' sums, with whatever their units make of them; see `activations`.

        Args:
            p: as there.
            windows: as there.
            units: called with the name of each layer and its sums, gives what the next one sees:
                H1 (networks, examples, 64, planes), H2 (networks, examples, 16, planes), H3
                (networks, examples, 30) and out.
            background: around planes.

        Returns:
            What `units` gave for out.
        """
        planes, networks, examples = self._variant.planes, len(p["H1w"]), windows.shape[1]
        # Planes come last, so that the windows of H2 lie as they are needed.
        sums = windows.reshape(-1, 64 * examples, 25) @ p["H1w"].flatten(2).transpose(1, 2)
        sums = sums.view(networks, examples, 64, planes)
        h1 = units("H1", sums + p["H1b"].flatten(2).transpose(1, 2)[:, None])
        h1 = h1.view(networks, examples, 8, 8, planes)
        padded = F.pad(h1, (0, 0, 2, 2, 2, 2), value=background)
        seen = padded.unfold(2, 5, 2).unfold(3, 5, 2).reshape(networks, 16 * examples, -1)
        # With zeros for the planes that it does not see, a plane of H2 sees all: more sums, but
        # one product where there were three or more.
        kernels = p["H2w"].reshape(networks, -1, 25)
        dense = _dense(kernels, self._seen, self._dense)
        dense = dense.view(networks, planes, planes * 25).transpose(1, 2)
        sums = (seen @ dense).view(networks, examples, 16, planes)
        h2 = units("H2", sums + p["H2b"].flatten(2).transpose(1, 2)[:, None])
        h2 = h2.transpose(2, 3).reshape(networks, examples, 16 * planes)
        h3 = units("H3", h2 @ p["H3w"] + p["H3b"][:, None])
        return units("out", h3 @ p["outw"] + p["outb"][:, None])


class StackedFullyConnected(Stacked):
    """`lecun89.network.modules.FullyConnected`, many of them side by side."""

    _units, _stride, _kernel = 16, 1, 1

    def propagate(
        self,
        p: Mapping[str, Tensor],
        windows: Tensor,
        units: Units,
        background: float = BACKGROUND,
    ) -> Tensor:
        """As of `Stacked`; there are no planes and no background."""
        h1 = units("H1", windows @ p["H1w"] + p["H1b"][:, None])
        return units("out", h1 @ p["outw"] + p["outb"][:, None])


STACKED = {"1989": Stacked, "fc40": StackedFullyConnected}
"""By the structures' names."""


class _Dense(torch.autograd.Function):
    """Kernels among kernels of zeros.

    Picked by their places there and back: PyTorch would add up what goes back, in an order that
    is not the same each time on CUDA, or wait for the device.
    """

    @staticmethod
    def forward(ctx: Any, kernels: Tensor, seen: Tensor, dense: Tensor) -> Tensor:
        ctx.seen = seen
        zeros = kernels.new_zeros(len(kernels), 1, kernels.shape[2])
        return torch.cat((kernels, zeros), dim=1).index_select(1, dense)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(1, ctx.seen), None, None


# Declared, because torch's own types of `apply` differ from version to version.
_dense: Callable[..., Tensor] = _Dense.apply
