"""The compiled kernel of `lecun89.engines.native`; its source is src/native/module.cpp."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

compiler: str

def instruction_sets() -> list[str]: ...
def tanh(instruction_set: str, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...
def philox(seed: int, pass_number: int, example: int, block: int) -> tuple[int, int, int, int]: ...
def parts_of(digits: int) -> int: ...

class Digits:
    def __init__(
        self,
        images: npt.NDArray[np.float32],
        labels: npt.NDArray[np.uint8],
        originals: npt.NDArray[np.uint8] | None = None,
    ) -> None: ...

class Training:
    """What decides a training, by the names of `lecun89.variants.Variant`.

    `Network` checks what it is made from, and keeps a copy.
    """

    fields: ClassVar[tuple[str, ...]]
    activation: str | None
    output_activation: str | None
    loss: str | None
    target: float
    optimizer: str | None
    damping: float
    memory: float
    weight_decay: float
    dropout_after: str | None
    dropout: float
    shift: int
    rotation: float
    scaling: float
    shear: float
    translation: float
    elastic: float
    elastic_sigma: float
    stroke: float
    seed: int
    batch_size: int
    def __init__(self) -> None: ...

class Network:
    threads: int
    updates: int
    def __init__(self, training: Training, *, instruction_set: str) -> None: ...
    def train(self, digits: Digits, pass_number: int, first: int, last: int, lr: float) -> None: ...
    def present(
        self,
        seed: int,
        variation: int,
        order: npt.NDArray[np.int32] | None,
        targets: npt.NDArray[np.float32] | None,
    ) -> None: ...
    def distort(self, digits: Digits, first: int, last: int) -> npt.NDArray[np.float32]: ...
    def estimate(self, digits: Digits, first: int, last: int) -> None: ...
    def evaluate(self, digits: Digits, first: int, last: int) -> tuple[float, int]: ...
    def get(self, block: str) -> npt.NDArray[np.float32]: ...
    def set(self, block: str, values: npt.NDArray[np.float32]) -> None: ...
    def is_finite(self) -> bool: ...
    def draws(
        self, pass_number: int, first: int, last: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
