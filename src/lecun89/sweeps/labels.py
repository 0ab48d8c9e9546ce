"""What tells the cells of a sweep apart, in words."""

from collections.abc import Sequence
from typing import Any

from lecun89.settings import Settings


def labels(cells: Sequence[Settings]) -> dict[Settings, str]:
    """For each cell the values that differ among all of them, as in ``lr 0.01, seed 2``.

    Assumptions are told by their own names. Where nothing differs, it is variant, data and seed.
    """
    values = {cell: _values(cell) for cell in cells}
    keys = dict.fromkeys(key for of in values.values() for key in of if key != "seed")
    varying = [key for key in (*keys, "seed") if len({of.get(key) for of in values.values()}) > 1]
    return {
        cell: ", ".join(f"{key} {of.get(key, 'default')}" for key in varying)
        or f"{cell.variant} on {cell.data}, seed {cell.seed}"
        for cell, of in values.items()
    }


def _values(cell: Settings) -> dict[str, Any]:
    variant, *pairs = cell.variant.split("+")
    document = {name.replace("_", " "): value for name, value in cell.as_document().items()}
    return document | {"variant": variant} | dict(pair.split("=", 1) for pair in pairs)
