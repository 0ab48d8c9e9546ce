"""The network's arithmetic checked against the paper, and what it costs to read a digit."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from lecun89.exceptions import UsageError
from lecun89.network.architecture import LAYERS, Layer
from lecun89.network.modules import make_network
from lecun89.network.structures import structure_of
from lecun89.network.weights import Weights, save_weights
from lecun89.variants import Variant, get_variant
from lecun89.variants.overrides import ASSUMPTIONS

PAPER_LAYERS = {
    "H1": (768, 19_968, 1_068),
    "H2": (192, 38_592, 2_592),
    "H3": (30, 5_790, 5_790),
    "out": (10, 310, 310),
}
"""Units, connections and parameters of each layer as LeCun et al. 1989, section 3.4, count them."""

PAPER_TOTAL = (1_256, 64_660, 9_760)
"""Units (the input's 256 among them), connections and parameters of the whole network."""

OPEN_IN_PAPER = (
    (
        "which 8 planes of H1 each plane of H2 sees",
        "planes 0-3 see 0-7, planes 4-7 see 4-11, planes 8-11 see 0-3 and 8-11",
        "8 of the 12, by a scheme that it does not describe",
    ),
    (
        "initial weights",
        "uniform within 2.4 / sqrt(fan-in)",
        "uniform within 2.4 / fan-in, without a square root",
    ),
    (
        "initial biases",
        "0; of out -1 in base, where nine of ten targets are -1",
        "not told apart from the weights",
    ),
    (
        "squashing function",
        "tanh(x)",
        "a scaled hyperbolic tangent, its scale not given",
    ),
    (
        "loss",
        "mean of the squared differences, without a factor 1/2",
        "mean squared error, its factor not given",
    ),
    ("targets", "+1 and -1", "within the quasi-linear range of the squashing function"),
    ("background around H1's planes", "-1", "-1 around the image; of H1 nothing is said"),
    (
        "optimizer",
        "stochastic gradient, learning rate 0.03",
        "with second derivatives on the diagonal, its constants not given",
    ),
)
"""Places where the paper is silent or was read otherwise: what, ``base``'s choice, the paper's."""


def assumptions_of(variant: Variant) -> dict[str, str | None]:
    """For each key of ``--assume`` the value that a variant has; None where it has another."""
    return {
        key: next(
            (
                value
                for value, fields in values.items()
                if all(getattr(variant, name) == of for name, of in fields.items())
            ),
            None,
        )
        for key, values in ASSUMPTIONS.items()
    }


@dataclass(frozen=True)
class LayerRow:
    """A layer's counts, and the paper's.

    Attributes:
        name: of the layer, or ``all``.
        units: for ``all`` with the input's 256 pixels, as the paper counts.
        activations: of the units, without the input's.
        connections: inputs and biases of all units.
        parameters: free parameters.
        macs: multiply-accumulates for one digit.
        paper: units, connections and parameters in the paper.
    """

    name: str
    units: int
    activations: int
    connections: int
    parameters: int
    macs: int
    paper: tuple[int, int, int]

    @property
    def equal(self) -> bool:
        """Whether the counts are the paper's."""
        return (self.units, self.connections, self.parameters) == self.paper


@dataclass(frozen=True)
class Cost:
    """What a network costs when it is used.

    Attributes:
        variant: its variant.
        file_bytes: size of its weights file.
        single_us: microseconds for one digit, alone.
        batched_us: microseconds for each digit of a batch of 1,000.
    """

    variant: str
    file_bytes: int
    single_us: float
    batched_us: float


@dataclass(frozen=True)
class Explanation:
    """A variant's network beside the paper's.

    Attributes:
        variant: the variant.
        layers: the four layers and their sum.
        assumptions: as `assumptions_of` gives them.
        costs: of base, modern and the variant.
    """

    variant: Variant
    layers: list[LayerRow]
    assumptions: dict[str, str | None]
    costs: list[Cost]


def explain(variant: Variant) -> Explanation:
    """Count, compare and time the network of a variant; takes a second or two.

    Raises:
        UsageError: it does not have the layers of the network of 1989.
    """
    structure = structure_of(variant)
    if not structure.has_planes:
        raise UsageError(f"explain is about the network of 1989, {variant.name} is another")
    compared = [get_variant("base"), get_variant("modern")]
    if variant not in compared:
        compared.append(variant)
    rows, costs = layer_rows(structure.layers), measure_costs(compared)
    return Explanation(variant, rows, assumptions_of(variant), costs)


def layer_rows(layers: Sequence[Layer] = LAYERS) -> list[LayerRow]:
    """The four layers and their sum."""
    rows = [
        LayerRow(
            layer.name,
            layer.units,
            layer.units,
            layer.connections,
            layer.parameters,
            layer.macs,
            PAPER_LAYERS[layer.name],
        )
        for layer in layers
    ]
    total = LayerRow(
        "all",
        256 + sum(row.units for row in rows),
        sum(row.activations for row in rows),
        sum(row.connections for row in rows),
        sum(row.parameters for row in rows),
        sum(row.macs for row in rows),
        PAPER_TOTAL,
    )
    return [*rows, total]


def measure_costs(variants: list[Variant]) -> list[Cost]:
    """Time the networks of variants side by side on the CPU: medians, in turn, after warming up.

    Timing is PyTorch's forward pass with the threads that are set, in eager mode.
    """
    networks = [make_network(variant, torch.Generator().manual_seed(1)) for variant in variants]
    one, many = torch.zeros(1, 1, 16, 16), torch.zeros(1000, 1, 16, 16)
    single: list[list[float]] = [[] for _ in networks]
    batched: list[list[float]] = [[] for _ in networks]
    with torch.no_grad():
        for turn in range(6):
            for index, network in enumerate(networks):
                times = (_seconds(network, one, 100) / 100, _seconds(network, many, 1) / 1000)
                if turn:  # the first turn warms up
                    single[index].append(times[0] * 1e6)
                    batched[index].append(times[1] * 1e6)
    return [
        Cost(
            variant.name,
            _file_bytes(network, variant),
            statistics.median(single[index]),
            statistics.median(batched[index]),
        )
        for index, (variant, network) in enumerate(zip(variants, networks, strict=True))
    ]


def _seconds(network: nn.Module, images: torch.Tensor, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        network(images)
    return time.perf_counter() - began


def _file_bytes(network: nn.Module, variant: Variant) -> int:
    arrays = {name: tensor.detach().numpy() for name, tensor in network.named_parameters()}
    with TemporaryDirectory() as directory:
        path = Path(directory) / "weights.safetensors"
        save_weights(path, Weights(arrays, variant.name))
        return path.stat().st_size
