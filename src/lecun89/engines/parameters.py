"""Parameters in a row, and the state of the engines that draw without keeping a random state."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.storage.tensorfile import Arrays

Flat = npt.NDArray[np.float32]
"""All parameters of a network in a row, in the order of their shapes."""

Shapes = Mapping[str, tuple[int, ...]]
"""Of parameters, by name."""

MOMENTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sdlm": ("curvature",),
    "sdlm_by_pass": ("curvature",),
}
"""What an optimizer keeps for each parameter, by PyTorch's names where it has them."""


def flatten(arrays: Arrays, shapes: Shapes = PARAMETER_SHAPES) -> Flat:
    """The parameters of these names in a row."""
    return np.concatenate([arrays[name].ravel() for name in shapes])


def by_name(flat: Flat, shapes: Shapes = PARAMETER_SHAPES) -> Arrays:
    """What `flatten` was made of."""
    arrays: Arrays = {}
    start = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = flat[start : start + size].reshape(shape)
        start += size
    return arrays


def pack(
    weights: Flat, moments: dict[str, Flat], updates: int, shapes: Shapes = PARAMETER_SHAPES
) -> Arrays:
    """A state: parameters under the paper's names, and an optimizer's moments of each.

    Args:
        weights: the parameters.
        moments: of the optimizer, by the names of `MOMENTS`.
        updates: steps so far; part of the state where there are moments.
        shapes: of the parameters.
    """
    arrays = by_name(weights, shapes)
    for key, flat in moments.items():
        named = by_name(flat, shapes)
        arrays |= {f"optimizer.{name}.{key}": array for name, array in named.items()}
    if moments:
        arrays["optimizer.step"] = np.array(updates, np.int64)
    return arrays


def unpack(
    arrays: Arrays, optimizer: str, shapes: Shapes = PARAMETER_SHAPES
) -> tuple[Flat, dict[str, Flat], int]:
    """What `pack` was given, of a state that is known to be whole."""
    moments = {
        key: flatten({name: arrays[f"optimizer.{name}.{key}"] for name in shapes}, shapes)
        for key in MOMENTS[optimizer]
    }
    return flatten(arrays, shapes), moments, int(arrays["optimizer.step"]) if moments else 0
