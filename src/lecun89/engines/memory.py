"""What the graph engine takes of a device's memory; tests/engines/test_memory.py measures it."""

from lecun89.network.structures import structure_of
from lecun89.variants import Variant

FIXED = 3 << 30
"""Bytes of an evaluation, of draws, of the digits and of PyTorch itself, whatever is trained."""

_PARAMETER = 36  # bytes of a network for each: weights, gradients, moments
# Of a network and an example in a step: activations and their gradients, for each plane of H1 and
# H2; and what H1 sees, where it is not the same for all networks.
_PLANE, _SEEN = 3_750, 19_000


def bytes_per_network(variant: Variant, step_size: int, examples: int) -> int:
    """Bytes of one network of many that are trained side by side; an upper bound.

    Args:
        variant: as it is trained on its data.
        step_size: examples in a step.
        examples: of the training split, for each of which draws are kept for a pass.
    """
    structure = structure_of(variant)
    units = structure.units(variant.dropout_after)
    images = variant.distorts and not variant.teacher  # whose distortions are for all networks
    places = (variant.shift > 0) + variant.shuffle
    kept = units + 8 * places + 4 * 257 * images
    example = _PLANE * variant.planes + _SEEN * bool(places or images) + 5 * units
    return _PARAMETER * structure.parameters + step_size * example + examples * kept
