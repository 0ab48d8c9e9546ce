"""Parameters in a row, and the state of the engines that draw without keeping a random state."""

import numpy as np
import numpy.typing as npt

from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.storage.tensorfile import Arrays

Flat = npt.NDArray[np.float32]
"""All parameters of a network, (9760,), in the order of PARAMETER_SHAPES."""

MOMENTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sdlm": ("curvature",),
    "sdlm_by_pass": ("curvature",),
}
"""What an optimizer keeps for each parameter, by PyTorch's names where it has them."""


def flatten(arrays: Arrays) -> Flat:
    """The parameters of these names in a row."""
    return np.concatenate([arrays[name].ravel() for name in PARAMETER_SHAPES])


def by_name(flat: Flat) -> Arrays:
    """What `flatten` was made of."""
    arrays: Arrays = {}
    start = 0
    for name, shape in PARAMETER_SHAPES.items():
        size = int(np.prod(shape))
        arrays[name] = flat[start : start + size].reshape(shape)
        start += size
    return arrays


def pack(weights: Flat, moments: dict[str, Flat], updates: int) -> Arrays:
    """A state: parameters under the paper's names, and an optimizer's moments of each.

    Args:
        weights: the parameters.
        moments: of the optimizer, by the names of `MOMENTS`.
        updates: steps so far; part of the state where there are moments.
    """
    arrays = by_name(weights)
    for key, flat in moments.items():
        arrays |= {f"optimizer.{name}.{key}": array for name, array in by_name(flat).items()}
    if moments:
        arrays["optimizer.step"] = np.array(updates, np.int64)
    return arrays


def unpack(arrays: Arrays, optimizer: str) -> tuple[Flat, dict[str, Flat], int]:
    """What `pack` was given, of a state that is known to be whole."""
    moments = {
        key: flatten({name: arrays[f"optimizer.{name}.{key}"] for name in PARAMETER_SHAPES})
        for key in MOMENTS[optimizer]
    }
    return flatten(arrays), moments, int(arrays["optimizer.step"]) if moments else 0
