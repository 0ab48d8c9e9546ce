"""How the digits of a pass are presented: their order, their targets, which distortions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lecun89.data import Digits
from lecun89.exceptions import UsageError
from lecun89.network.architecture import CLASSES
from lecun89.variants import Variant


@dataclass(frozen=True)
class Presentation:
    """What a pass presents.

    Attributes:
        seed: of the distortions' draws.
        variation: their number, in place of the pass.
        order: (n,) int32, the digits' places in the order of the pass; None for the constant one.
        targets: (n, 10) float32, probabilities by place; None where the labels are the targets.
    """

    seed: int
    variation: int
    order: npt.NDArray[np.int32] | None
    targets: npt.NDArray[np.float32] | None


def presentation(variant: Variant, seed: int, number: int, digits: Digits) -> Presentation:
    """What a pass presents, a function of seed and pass.

    Args:
        variant: of the training.
        seed: of the training.
        number: of the pass, counted from 1.
        digits: of the training split.

    Raises:
        UsageError: the variant needs labels that the digits do not have.
    """
    order = None
    if variant.shuffle:
        order = draw_order(seed, number, len(digits))
    if variant.teacher:
        return _taught(variant, order, number, digits)
    targets = None
    if variant.label_smoothing:
        kept = np.float32(1 - variant.label_smoothing)
        targets = np.eye(CLASSES, dtype=np.float32)[digits.labels] * kept
        targets += np.float32(variant.label_smoothing / CLASSES)
    return Presentation(seed, number, order, targets)


def draw_order(seed: int, number: int, digits: int) -> npt.NDArray[np.int32]:
    """The order of so many digits in a pass, where a variant has each pass in another."""
    random = np.random.RandomState([seed, number])
    return random.permutation(digits).astype(np.int32)


def _taught(
    variant: Variant, order: npt.NDArray[np.int32] | None, number: int, digits: Digits
) -> Presentation:
    soft = digits.soft
    if soft is None or soft.distortions != variant.distortions:
        raise UsageError(f"{variant.name} needs a teacher's labels for its own distortions")
    index = (number - 1) % len(soft.logits)
    logits = soft.logits[index].astype(np.float32) * np.float32(1 / variant.temperature)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    targets = powers / powers.sum(axis=1, keepdims=True)
    return Presentation(soft.seed, index + 1, order, targets)
