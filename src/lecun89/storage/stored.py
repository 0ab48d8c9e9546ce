"""A tensor in a file of somebody else: what it says of itself, before any of it is believed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FLOATS = {"float32": "f4", "float64": "f8", "float16": "f2", "bfloat16": "u2"}
"""The types whose values can be read, and how NumPy reads their bytes."""


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """Where a tensor lies.

    Attributes:
        dtype: name of its type, as in ``float32``.
        shape: as the file declares it; nothing of that size is made before `read`.
        records: the parts of the file by name, `record` among them when it is read.
        record: the part that holds the values.
        offset: of the first, in elements.
        strides: in elements; None for C order.
        order: ``<`` or ``>``, of their bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    records: Mapping[str, bytes]
    record: str
    offset: int = 0
    strides: tuple[int, ...] | None = None
    order: str = "<"

    def read(self) -> npt.NDArray[np.float32]:
        """Its values as float32, infinite where they are too large for it.

        Raises:
            KeyError, TypeError, ValueError: they are not (all) there, or of no type of `FLOATS`.
        """
        dtype = np.dtype(self.order + FLOATS[self.dtype])
        strides = self.strides and [stride * dtype.itemsize for stride in self.strides]
        found: npt.NDArray[np.generic] = np.ndarray(
            self.shape, dtype, self.records[self.record], self.offset * dtype.itemsize, strides
        )
        if self.dtype == "bfloat16":  # the upper half of a float32
            found = (found.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):
            return found.astype(np.float32, order="C")

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def fortran_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of an array whose first index runs fastest."""
    return tuple(math.prod(shape[:axis]) for axis in range(len(shape)))
