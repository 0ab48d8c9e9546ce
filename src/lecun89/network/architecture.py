"""The 1989 network as arithmetic: shapes, parameters, multiply-accumulates, activations.

Counts are those of LeCun et al. 1989, section 3.4: 1,256 units (the 256 of the input among
them), 64,660 connections, 9,760 parameters. Nothing here needs PyTorch.
"""

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


LAYERS = (
    Layer("H1", 12 * 8 * 8, 5 * 5, (12, 1, 5, 5), (12, 8, 8)),
    Layer("H2", 12 * 4 * 4, 5 * 5 * 8, (12, 8, 5, 5), (12, 4, 4)),
    Layer("H3", 30, 12 * 4 * 4, (192, 30), (30,)),
    Layer("out", 10, 30, (30, 10), (10,)),
)

PARAMETERS = sum(layer.parameters for layer in LAYERS)
MACS = sum(layer.macs for layer in LAYERS)
ACTIVATIONS = sum(layer.units for layer in LAYERS)

PARAMETER_SHAPES: dict[str, tuple[int, ...]] = {
    name: shape
    for layer in LAYERS
    for name, shape in (
        (f"{layer.name}w", layer.weight_shape),
        (f"{layer.name}b", layer.bias_shape),
    )
}
"""Shape of each parameter by its name, in the order H1w H1b H2w H2b H3w H3b outw outb."""

_THIRDS = (tuple(range(8)), tuple(range(4, 12)), (0, 1, 2, 3, 8, 9, 10, 11))
TABLES = {
    "thirds": tuple(_THIRDS[plane // 4] for plane in range(12)),
    "cyclic": tuple(tuple(sorted((plane + n) % 12 for n in range(8))) for plane in range(12)),
}
"""For each plane of H2 the eight planes of H1 that it sees. The paper's own table is lost:
``thirds`` is the seeds', ``cyclic`` moves on by one from plane to plane."""

CURVATURE_DIGITS = 500
"""How many of the first training digits SDLM estimates the curvature of a pass with."""
