"""The structures of networks, in one table; PyTorch is imported when a network is made.

A new one is a class in `lecun89.network.modules` and a row here.
"""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from lecun89.exceptions import UsageError, unknown_name
from lecun89.network.architecture import LAYERS, MACS, PARAMETER_SHAPES, Layer
from lecun89.variants import Variant

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Structure:
    """What a network is made of.

    Attributes:
        name: as a variant names it.
        module: its class in `lecun89.network.modules`, which draws the initial weights.
        shapes: of the parameters by name, in their order.
        macs: multiply-accumulates of one forward pass over one digit.
        layers: the layers of the network of 1989, if it has them; it can then drop units of them.
    """

    name: str
    module: str
    shapes: dict[str, tuple[int, ...]]
    macs: int
    layers: tuple[Layer, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(map(prod, self.shapes.values()))

    @property
    def activations(self) -> int | None:
        """Number of activations; None where the network does not have the layers of 1989."""
        return sum(layer.units for layer in self.layers) or None

    @property
    def is_1989(self) -> bool:
        """Whether this is the network of 1989 itself, which every engine can train."""
        return self.shapes == PARAMETER_SHAPES

    def make(self, variant: Variant, generator: "torch.Generator") -> "nn.Module":
        """A network of this structure on the CPU, its weights drawn from the generator."""
        from lecun89.network import modules

        network: nn.Module = getattr(modules, self.module)(variant, generator)
        return network


WEIGHTNORM_SHAPES = PARAMETER_SHAPES | {
    "H1g": (12,),
    "H2g": (12,),
    "H3g": (30,),
    "outg": (10,),
}
"""Weight normalisation (Salimans and Kingma 2016): a length beside each direction of weights."""

MICROVIT_SHAPES: dict[str, tuple[int, ...]] = {
    "patchw": (32, 20),
    "patchb": (20,),
    "placeb": (8, 20),
    "norm1w": (20,),
    "norm1b": (20,),
    "qkvw": (20, 60),
    "qkvb": (60,),
    "joinw": (20, 20),
    "joinb": (20,),
    "norm2w": (20,),
    "norm2b": (20,),
    "upw": (20, 134),
    "upb": (134,),
    "downw": (134, 20),
    "downb": (20,),
    "norm3w": (20,),
    "norm3b": (20,),
    "outw": (160, 10),
    "outb": (10,),
}
"""A vision transformer of the same size: 8 patches of 4x8 pixels, 20 numbers each, one block."""

MICROVIT_MACS = 8 * (32 * 20 + 20 * 60 + 20 * 20 + 2 * 20 * 134) + 2 * 8 * 8 * 20 + 160 * 10

STRUCTURES = {
    structure.name: structure
    for structure in (
        Structure("1989", "Network", PARAMETER_SHAPES, MACS, LAYERS),
        Structure("weightnorm", "WeightNormNetwork", WEIGHTNORM_SHAPES, MACS, LAYERS),
        Structure("microvit", "MicroVit", MICROVIT_SHAPES, MICROVIT_MACS),
    )
}
"""Every structure by its name."""


def structure_of(variant: Variant) -> Structure:
    """The structure of a variant.

    Raises:
        UsageError: there is no such structure, or it has no units for the variant to drop.
    """
    if variant.structure not in STRUCTURES:
        raise unknown_name("structure", variant.structure, STRUCTURES)
    structure = STRUCTURES[variant.structure]
    if variant.dropout and not structure.layers:
        raise UsageError(f"{variant.name} has no H2 or H3 to drop units of")
    return structure
