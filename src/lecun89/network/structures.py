"""The structures of networks, in one table; PyTorch is imported when a network is made.

A new one is a class in `lecun89.network.modules` and a row here.
"""

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING

from lecun89.exceptions import UsageError, unknown_name
from lecun89.network.architecture import PARAMETER_SHAPES, Layer, layers_of, shapes_of
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
        layers: its layers, where it is made of layers alone.
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
        """Number of activations; None where the network is not made of layers."""
        return sum(layer.units for layer in self.layers) or None

    @property
    def is_1989(self) -> bool:
        """Whether this is the network of 1989 itself, which every engine can train."""
        return self.shapes == PARAMETER_SHAPES

    @property
    def has_planes(self) -> bool:
        """Whether its layers are H1, H2, H3 and out, with any number of planes."""
        return any(layer.name == "H2" for layer in self.layers)

    def units(self, layer: str | None) -> int:
        """Units of the layer of that name; 0 of None."""
        return sum(one.units for one in self.layers if one.name == layer)

    def make(self, variant: Variant, generator: "torch.Generator") -> "nn.Module":
        """A network of this structure on the CPU, its weights drawn from the generator."""
        from lecun89.network import modules

        network: nn.Module = getattr(modules, self.module)(variant, generator)
        return network


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

FC40_LAYERS = (Layer("H1", 40, 256, (256, 40), (40,)), Layer("out", 10, 40, (40, 10), (10,)))
"""What LeCun et al. 1989, section 4, compares with: 40 hidden units that see all pixels."""


def _of_layers(
    name: str, module: str, layers: tuple[Layer, ...], **more: tuple[int, ...]
) -> Structure:
    macs = sum(layer.macs for layer in layers)
    return Structure(name, module, shapes_of(layers) | more, macs, layers)


@cache
def _with_planes(planes: int) -> dict[str, Structure]:
    layers = layers_of(planes)
    # Weight normalisation (Salimans and Kingma 2016): a length beside each direction of weights.
    lengths = {f"{layer.name}g": layer.bias_shape[:1] for layer in layers}
    made = (
        _of_layers("1989", "Network", layers),
        _of_layers("weightnorm", "WeightNormNetwork", layers, **lengths),
        _of_layers("fc40", "FullyConnected", FC40_LAYERS),
        Structure("microvit", "MicroVit", MICROVIT_SHAPES, MICROVIT_MACS),
    )
    return {structure.name: structure for structure in made}


STRUCTURES = _with_planes(12)
"""Every structure by its name, with 12 planes where it has planes."""


def structure_of(variant: Variant) -> Structure:
    """The structure of a variant.

    Raises:
        UsageError: there is no such structure, or it has no units for the variant to drop.
    """
    if variant.structure not in STRUCTURES:
        raise unknown_name("structure", variant.structure, STRUCTURES)
    structure = _with_planes(variant.planes)[variant.structure]
    if variant.dropout and not structure.units(variant.dropout_after):
        raise UsageError(f"{variant.name} has no {variant.dropout_after} to drop units of")
    return structure
