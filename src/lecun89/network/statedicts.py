"""The one network in a file of others: whatever its names begin with, whatever it lies in."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lecun89.exceptions import printable, shortened
from lecun89.storage.stored import FLOATS, StoredTensor
from lecun89.storage.tensorfile import Arrays

Shapes = Mapping[str, tuple[int, ...]]

_PREFIXES = re.compile(r"(?:(?:module|_orig_mod|model|net)\.)*")
_DEPTH = 2  # dictionaries around it
_MAX_NAME = 100
_MAX_VISITS = 10_000  # entries; a file can name one dictionary in a thousand others


class NoNetworkError(Exception):
    """There is not exactly one network of that structure; the text says what there is."""


def find_network(value: Any, shapes: Shapes) -> tuple[Arrays, set[str]]:
    """The parameters of the one network in a value.

    Args:
        value: from `lecun89.storage.checkpoints.read_tensors`.
        shapes: of the parameters, by name.

    Returns:
        The parameters, float32 and finite, and the types that they were stored in.

    Raises:
        NoNetworkError: there is none or there are several, or something is missing, unexpected,
            of another shape, or no numbers.
    """
    found = [
        (place, prefix, held)
        for place, held in _dictionaries(value)
        for prefix in sorted(_prefixes(held, shapes))
    ]
    if not found:
        raise NoNetworkError(_instead(value, shapes))
    if len(found) > 1:
        places = [_place(place, prefix) for place, prefix, _ in found]
        raise NoNetworkError(
            f"it holds {len(found)} candidates, {_listed(places)}: save the one you mean alone"
        )
    _, prefix, held = found[0]
    names = {prefix + name: name for name in shapes}
    for key in sorted(held.keys() ^ names.keys(), key=_shown)[:1]:
        raise NoNetworkError(f"{_shown(key)} is {'missing' if key in names else 'unexpected'}")
    for key, name in names.items():
        _check(key, held[key], shapes[name])
    arrays: Arrays = {name: _read(key, held[key]) for key, name in names.items()}
    return arrays, {held[key].dtype for key in names}


def _dictionaries(value: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Each dictionary, with the names that lead to it."""
    level, visits = [("", value)], 0
    for _ in range(1 + _DEPTH):
        within = []
        for place, held in level:
            if not isinstance(held, dict):
                continue
            visits += 1 + len(held)
            if visits > _MAX_VISITS:
                raise NoNetworkError("it holds too much else: save model.state_dict() alone")
            yield place, held
            within += [(f"{place}/{_shown(key)}", inner) for key, inner in held.items()]
        level = within


def _prefixes(held: dict[Any, Any], shapes: Shapes) -> set[str]:
    """What the names of a network's tensors begin with; none where there are none."""
    found = set()
    for key, value in held.items():
        if isinstance(value, StoredTensor) and isinstance(key, str) and len(key) <= _MAX_NAME:
            prefix = key[: _PREFIXES.match(key).end()]  # type: ignore[union-attr]  # it always matches
            if key.removeprefix(prefix) in shapes:
                found.add(prefix)
    return found


def _instead(value: Any, shapes: Shapes) -> str:
    names = [
        _shown(key)
        for _, held in _dictionaries(value)
        for key, one in held.items()
        if isinstance(one, StoredTensor) and isinstance(key, str)
    ]
    if not names:
        return "it is not a state dict of named tensors"
    return f"it holds {_listed(names)}, none of {_listed(list(shapes))}"


def _check(key: str, held: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(held, StoredTensor):
        what = printable(held) if hasattr(held, "function") else type(held).__name__
        raise NoNetworkError(f"{key} is {shortened(what)}, not a plain tensor")
    if held.shape != shape or held.dtype not in FLOATS:
        raise NoNetworkError(f"{key} is {shortened(printable(held))}, not float32 {shape}")


def _read(key: str, tensor: StoredTensor) -> Any:
    try:
        array = tensor.read()
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NoNetworkError(f"{key} is cut short or damaged") from error
    if not np.isfinite(array).all():
        raise NoNetworkError(f"{key} is not finite, as {tensor.dtype} or as float32")
    return array


def _place(place: str, prefix: str) -> str:
    return "/".join(filter(None, (place[1:], f"{prefix}*" if prefix else ""))) or "its own names"


def _shown(key: object) -> str:
    return shortened(printable(key[: _MAX_NAME + 1]), _MAX_NAME) if isinstance(key, str) else "?"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
