"""The 1989 network in PyTorch."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecun89.exceptions import UsageError
from lecun89.network.architecture import BACKGROUND, planes_seen
from lecun89.network.structures import MICROVIT_SHAPES, structure_of
from lecun89.network.weights import Weights
from lecun89.variants import Variant, get_variant


def scaled_tanh(x: Tensor) -> Tensor:
    """The squashing function of LeCun et al. 1989, which is 1 at 1."""
    return 1.7159 * torch.tanh(2 / 3 * x)


SQUASHING: dict[str | None, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "scaled_tanh": scaled_tanh,
    "relu": torch.relu,
    "gelu": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    None: lambda x: x,
}
"""Activations by the registry's names."""


class Network(nn.Module):
    """LeCun et al. 1989, section 3.4, with the activations of a variant.

    Parameters are H1w (12, 1, 5, 5), H1b (12, 8, 8), H2w (12, 8, 5, 5), H2b (12, 4, 4),
    H3w (192, 30), H3b (30,), outw (30, 10), outb (10,), all float32; a variant may have another
    number of planes than 12.
    """

    def __init__(self, variant: Variant, generator: torch.Generator) -> None:
        """Draw the initial weights.

        Args:
            variant: gives activations, initial biases and the place of dropout.
            generator: on the CPU; the weights take its next numbers.
        """
        super().__init__()
        self.variant = variant
        self.activation = SQUASHING[variant.activation]
        self.output_activation = SQUASHING[variant.output_activation]
        self.layers = structure_of(variant).layers
        self.dropout_after: Literal["H2", "H3"] | None = variant.dropout_after

        # The paper has 2.4 / fan-in; the square root is the seeds' reading of it.
        def weights(fan_in: int, shape: tuple[int, ...]) -> nn.Parameter:
            uniform = torch.rand(shape, generator=generator)
            divisor = fan_in if variant.initialization == "fan_in" else fan_in**0.5
            return nn.Parameter((uniform - 0.5) * 2 * 2.4 / divisor)

        for layer in self.layers:
            bias = variant.output_bias if layer.name == "out" else 0.0
            self.register_parameter(f"{layer.name}w", weights(layer.fan_in, layer.weight_shape))
            self.register_parameter(
                f"{layer.name}b", nn.Parameter(torch.full(layer.bias_shape, bias))
            )

    H1w: nn.Parameter
    H1b: nn.Parameter
    H2w: nn.Parameter
    H2b: nn.Parameter
    H3w: nn.Parameter
    H3b: nn.Parameter
    outw: nn.Parameter
    outb: nn.Parameter

    def forward(self, x: Tensor, dropout_mask: Tensor | None = None) -> Tensor:
        """Outputs of out, (n, 10), for images x, (n, 1, 16, 16) in [-1, 1].

        Args:
            x: the images.
            dropout_mask: multiplies the units after which the variant drops, (n, 12, 4, 4) of
                H2 or (n, 30) of H3; None in evaluation. It is drawn outside, by the run.
        """
        return self.activations(x, dropout_mask)["out"]

    def activations(self, x: Tensor, dropout_mask: Tensor | None = None) -> dict[str, Tensor]:
        """Activations of H1 (n, 12, 8, 8), H2 (n, 12, 4, 4), H3 (n, 30) and out (n, 10).

        Arguments as of `forward`; what dropout silences is silent here.
        """
        found: dict[str, Tensor] = {}

        def units(layer: str, sums: Tensor) -> Tensor:
            value = (self.output_activation if layer == "out" else self.activation)(sums)
            if dropout_mask is not None and self.dropout_after == layer:
                value = value * dropout_mask
            found[layer] = value
            return value

        self.propagate(self.weights(), x, units)
        return found

    def propagate(
        self,
        p: Mapping[str, Tensor],
        x: Tensor,
        units: Callable[[str, Tensor], Tensor],
        background: float = BACKGROUND,
    ) -> Tensor:
        """The network's sums, with whatever its units make of them.

        Args:
            p: weights and biases by name.
            x: the images, (n, 1, 16, 16).
            units: called with the name of each layer and its sums, gives what the next one sees.
            background: around images and planes.

        Returns:
            What `units` gave for out, (n, 10).
        """
        x = F.pad(x, (2, 2, 2, 2), "constant", background)  # (n, 1, 20, 20)
        h1 = units("H1", F.conv2d(x, p["H1w"], stride=2) + p["H1b"])  # (n, 12, 8, 8)
        x = F.pad(h1, (2, 2, 2, 2), "constant", background)  # (n, 12, 12, 12)
        variant = self.variant
        if variant.table == "thirds" and variant.planes == 12:
            # Each plane of H2 sees 8 of H1's 12: three groups of four planes, as the seeds do.
            first = F.conv2d(x[:, 0:8], p["H2w"][0:4], stride=2)
            second = F.conv2d(x[:, 4:12], p["H2w"][4:8], stride=2)
            third = F.conv2d(torch.cat((x[:, 0:4], x[:, 8:12]), dim=1), p["H2w"][8:12], stride=2)
            sums = torch.cat((first, second, third), dim=1)
        else:
            # Slices, because on MPS the gradient of indexing by a list is not deterministic.
            table = planes_seen(variant.table, variant.planes)
            seen = torch.cat([x[:, plane : plane + 1] for of in table for plane in of], dim=1)
            sums = F.conv2d(seen, p["H2w"], stride=2, groups=variant.planes)
        h2 = units("H2", sums + p["H2b"])  # (n, 12, 4, 4)
        h3 = units("H3", h2.flatten(start_dim=1) @ p["H3w"] + p["H3b"])  # (n, 30)
        return units("out", h3 @ p["outw"] + p["outb"])

    def weights(self) -> dict[str, Tensor]:
        """Weights and biases as the sums take them, by the paper's names."""
        return dict(self.named_parameters())

    def dropout_shape(self, examples: int) -> tuple[int, ...]:
        """Shape of the dropout mask for that many examples."""
        (layer,) = (layer for layer in self.layers if layer.name == self.dropout_after)
        return (examples, *layer.bias_shape)


class WeightNormNetwork(Network):
    """The same network with each unit's or kernel's weights as a direction and a length.

    Salimans and Kingma 2016, "Weight normalization". H1g (12,), H2g (12,), H3g (30,) and outg
    (10,) are the lengths; the directions have the names and shapes of `Network`'s weights.
    """

    def __init__(self, variant: Variant, generator: torch.Generator) -> None:
        """As `Network`, whose initial weights these are."""
        super().__init__(variant, generator)
        for layer in self.layers:
            lengths = _lengths(getattr(self, f"{layer.name}w").detach()).flatten().clone()
            self.register_parameter(f"{layer.name}g", nn.Parameter(lengths))

    def weights(self) -> dict[str, Tensor]:
        """Weights and biases as the sums take them, by the paper's names."""
        p: dict[str, Tensor] = dict(self.named_parameters())
        for layer in self.layers:
            name = f"{layer.name}w"
            shape = (-1, 1, 1, 1) if p[name].dim() == 4 else (1, -1)
            lengths = p.pop(f"{layer.name}g").view(shape)
            p[name] = p[name] * (lengths / _lengths(p[name]))
        return p


def _lengths(weights: Tensor) -> Tensor:
    """Of the weights of each kernel (first axis), or of each unit of a matrix (last axis)."""
    over = (1, 2, 3) if weights.dim() == 4 else (0,)
    lengths: Tensor = torch.linalg.vector_norm(weights, dim=over, keepdim=True)
    return lengths


class FullyConnected(Network):
    """LeCun et al. 1989, section 4, for comparison: 40 hidden units, and no weight is shared.

    Parameters are H1w (256, 40), H1b (40,), outw (40, 10), outb (10,).
    """

    def propagate(
        self,
        p: Mapping[str, Tensor],
        x: Tensor,
        units: Callable[[str, Tensor], Tensor],
        background: float = BACKGROUND,
    ) -> Tensor:
        """As of `Network`; there is no background."""
        h1 = units("H1", x.flatten(start_dim=1) @ p["H1w"] + p["H1b"])  # (n, 40)
        return units("out", h1 @ p["outw"] + p["outb"])


class MicroVit(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021) of about the size of the network of 1989.

    Eight patches of 4x8 pixels, each embedded in 20 numbers with its place; one block, layers
    normalised before, of attention with two heads and a GELU layer of 134 units; all patches'
    numbers to ten outputs. Shapes are in `lecun89.network.structures.MICROVIT_SHAPES`.
    """

    dropout_after = None

    def __init__(self, variant: Variant, generator: torch.Generator) -> None:
        """Draw the initial weights: uniform within 1 / sqrt(fan-in), biases 0, places 0.02."""
        super().__init__()
        self.variant = variant
        for name, shape in MICROVIT_SHAPES.items():
            if name.startswith("norm"):
                value = torch.full(shape, 1.0 if name.endswith("w") else 0.0)
            elif name == "placeb":
                value = 0.02 * torch.randn(shape, generator=generator)
            elif name.endswith("b"):
                value = torch.zeros(shape)
            else:
                value = (2 * torch.rand(shape, generator=generator) - 1) / shape[0] ** 0.5
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x: Tensor, dropout_mask: Tensor | None = None) -> Tensor:
        """Outputs (n, 10) for images (n, 1, 16, 16) in [-1, 1]; there is no dropout."""
        p = dict(self.named_parameters())
        patches = x.reshape(-1, 4, 4, 2, 8).transpose(2, 3).reshape(-1, 8, 32)
        h = patches @ p["patchw"] + p["patchb"] + p["placeb"]  # (n, 8, 20)
        sums = F.layer_norm(h, (20,), p["norm1w"], p["norm1b"]) @ p["qkvw"] + p["qkvb"]
        q, k, v = sums.view(-1, 8, 3, 2, 10).permute(2, 0, 3, 1, 4)  # each (n, 2 heads, 8, 10)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 8, 20)
        h = h + seen @ p["joinw"] + p["joinb"]
        up = F.layer_norm(h, (20,), p["norm2w"], p["norm2b"]) @ p["upw"] + p["upb"]
        h = h + F.gelu(up) @ p["downw"] + p["downb"]
        h = F.layer_norm(h, (20,), p["norm3w"], p["norm3b"])
        return h.flatten(start_dim=1) @ p["outw"] + p["outb"]


def make_network(variant: Variant, generator: torch.Generator) -> nn.Module:
    """The network of a variant's structure, its weights drawn from the generator, on the CPU.

    It keeps the variant as its attribute ``variant``.

    Raises:
        UsageError: the variant's structure is unknown, or does not go with its other values.
    """
    return structure_of(variant).make(variant, generator)


def network_of(weights: Weights, device: str = "cpu") -> nn.Module:
    """The network that trained weights belong to, holding them, on a device, in eval mode.

    It keeps the name of the data set that they were trained on, if known,
    as its attribute ``data``.
    """
    network = make_network(get_variant(weights.variant), torch.Generator())
    network.data = weights.data  # type: ignore[assignment]
    network.load_state_dict({name: torch.tensor(array) for name, array in weights.arrays.items()})
    return network.to(device).eval()


def weights_in(network: nn.Module) -> Weights:
    """The weights that a network holds, as `network_of` takes them.

    Raises:
        UsageError: `make_network` did not make it.
    """
    arrays = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
    return Weights(arrays, variant_of(network).name, getattr(network, "data", None))


def variant_of(network: nn.Module) -> Variant:
    """The variant that a network was made for.

    Raises:
        UsageError: `make_network` did not make it, so that nothing says what its loss is.
    """
    variant = getattr(network, "variant", None)
    if not isinstance(variant, Variant):
        raise UsageError(
            f"{type(network).__name__} has no variant: give it one, as in "
            'network.variant = lecun89.get_variant("modern")'
        )
    return variant
