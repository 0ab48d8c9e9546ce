"""The weights that a seed stands for; those of layers with plain weights without PyTorch."""

import math

import numpy as np

from lecun89.network.architecture import shapes_of
from lecun89.network.structures import structure_of
from lecun89.storage.tensorfile import Arrays
from lecun89.variants import Variant


def initial_parameters(variant: Variant, seed: int) -> Arrays:
    """The weights that `lecun89.network.modules.make_network` draws from that seed, bit for bit.

    PyTorch's generator on the CPU and numpy's legacy one are the same Mersenne twister, seeded
    alike; ``torch.rand`` takes the low 24 bits of each of its words.

    Args:
        variant: gives structure, initialization and initial biases.
        seed: 0 to 2**32 - 1.

    Returns:
        The parameters by name, float32.
    """
    structure = structure_of(variant)
    if structure.shapes != shapes_of(structure.layers):
        import torch

        network = structure.make(variant, torch.Generator().manual_seed(seed))
        return {name: value.detach().numpy() for name, value in network.named_parameters()}
    random = np.random.RandomState(seed)
    arrays: Arrays = {}
    for layer in structure.layers:
        words = random.randint(0, 2**32, size=math.prod(layer.weight_shape), dtype=np.uint32)
        uniform = ((words & 0xFFFFFF) * np.float32(2**-24)).astype(np.float32)
        scaled = (uniform - np.float32(0.5)) * np.float32(2) * np.float32(2.4)
        fan_in = layer.fan_in if variant.initialization == "fan_in" else layer.fan_in**0.5
        weights = scaled / np.float32(fan_in)
        arrays[f"{layer.name}w"] = weights.reshape(layer.weight_shape)
        bias = variant.output_bias if layer.name == "out" else 0.0
        arrays[f"{layer.name}b"] = np.full(layer.bias_shape, bias, np.float32)
    return arrays
