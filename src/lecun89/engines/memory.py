"""What the graph engine takes of a device's memory; tests/engines/test_memory.py measures it."""

from lecun89.variants import Variant

FIXED = 3 << 30
"""Bytes of an evaluation, of draws, of the digits and of PyTorch itself, whatever is trained."""

_WEIGHTS = 350_000  # bytes of a network: weights, gradients, moments
# Of a network and an example in a step: activations and their gradients, and what H1 sees, which
# may be the same for all networks.
_EXAMPLE = {False: 45_000, True: 63_000}


def bytes_per_network(variant: Variant, step_size: int, examples: int) -> int:
    """Bytes of one network of many that are trained side by side; an upper bound.

    Args:
        variant: as it is trained on its data.
        step_size: examples in a step.
        examples: of the training split, for each of which draws are kept for a pass.
    """
    units = {None: 0, "H2": 192, "H3": 30}[variant.dropout_after]
    images = variant.distorts and not variant.teacher  # whose distortions are for all networks
    places = (variant.shift > 0) + variant.shuffle
    kept = units + 8 * places + 4 * 257 * images
    return _WEIGHTS + step_size * (_EXAMPLE[bool(places or images)] + 5 * units) + examples * kept
