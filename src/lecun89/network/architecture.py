"""The 1989 network as arithmetic: shapes, parameters, multiply-accumulates, activations.

Counts are those of LeCun et al. 1989, section 3.4: 1,256 units (the 256 of the input among
them), 64,660 connections, 9,760 parameters. Nothing here needs PyTorch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

IMAGE_SIZE = 16
CLASSES = 10
BACKGROUND = -1.0


@dataclass(frozen=True)
class Layer:
    """One layer of the network.

    Attributes:
        name: the paper's name.
        units: number of units, which is the number of activations.
        fan_in: inputs of each unit, without its bias.
        weight_shape: shape of the weights.
        bias_shape: shape of the biases, one for each unit (unshared in H1 and H2 too).
    """

    name: str
    units: int
    fan_in: int
    weight_shape: tuple[int, ...]
    bias_shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases; shared weights count once."""
        return prod(self.weight_shape) + prod(self.bias_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one forward pass over one digit."""
        return self.units * self.fan_in

    @property
    def connections(self) -> int:
        """Connections as the paper counts them: every unit's inputs and its bias."""
        return self.units * (self.fan_in + 1)


def planes_seen(table: str, planes: int = 12) -> tuple[tuple[int, ...], ...]:
    """For each plane of H2 the planes of H1 that it sees, two thirds of them, in ascending order.

    The paper's own table is lost. In ``thirds``, the seeds', H2's planes are in three groups, and
    each sees what begins at its own first plane and goes on after the last one with the first. In
    ``cyclic`` each plane is a group of its own. Where three does not divide the number of planes,
    a plane sees one more than two thirds, rounded down, and the first groups are larger.
    """
    seen = -(-2 * planes // 3)
    firsts = [
        plane if table == "cyclic" else -(-(3 * plane // planes) * planes // 3)
        for plane in range(planes)
    ]
    return tuple(tuple(sorted((first + n) % planes for n in range(seen))) for first in firsts)


def layers_of(planes: int) -> tuple[Layer, ...]:
    """The layers of 1989 with so many planes in H1 and in H2."""
    seen, units = len(planes_seen("thirds", planes)[0]), 16 * planes
    return (
        Layer("H1", planes * 8 * 8, 5 * 5, (planes, 1, 5, 5), (planes, 8, 8)),
        Layer("H2", units, 5 * 5 * seen, (planes, seen, 5, 5), (planes, 4, 4)),
        Layer("H3", 30, units, (units, 30), (30,)),
        Layer("out", 10, 30, (30, 10), (10,)),
    )


def shapes_of(layers: Iterable[Layer]) -> dict[str, tuple[int, ...]]:
    """Shape of each parameter of layers by its name, weights and then biases of each."""
    return {
        name: shape
        for layer in layers
        for name, shape in (
            (f"{layer.name}w", layer.weight_shape),
            (f"{layer.name}b", layer.bias_shape),
        )
    }


LAYERS = layers_of(12)

PARAMETERS = sum(layer.parameters for layer in LAYERS)
MACS = sum(layer.macs for layer in LAYERS)
ACTIVATIONS = sum(layer.units for layer in LAYERS)

PARAMETER_SHAPES = shapes_of(LAYERS)
"""Shape of each parameter by its name, in the order H1w H1b H2w H2b H3w H3b outw outb."""

CURVATURE_DIGITS = 500
"""How many of the first training digits SDLM estimates the curvature of a pass with."""
