"""The missed digits: which they are, how they are confused, and how two networks differ in them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from lecun89.analysis.evaluation import examine
from lecun89.analysis.scores import Score
from lecun89.analysis.statistics import mcnemar_p
from lecun89.data import Digits
from lecun89.network.architecture import CLASSES
from lecun89.network.modules import variant_of


@dataclass(frozen=True)
class Miss:
    """One missed digit.

    Attributes:
        index: its place in the split.
        source_index: its place in MNIST's file.
        label: the digit it is.
        prediction: the digit with the largest output.
        outputs: the ten outputs.
        margin: output of the prediction less output of the label; how wrong the network is.
    """

    index: int
    source_index: int
    label: int
    prediction: int
    outputs: tuple[float, ...]
    margin: float


@dataclass(frozen=True)
class Misses:
    """Every digit of a split that a network misses.

    Attributes:
        variant: of the network.
        data: name of the data set.
        split: name of the split.
        score: loss and misses.
        missed: the missed digits, the largest margin first.
        confusion: (10, 10) counts of all digits, by label and prediction.
    """

    variant: str
    data: str
    split: str
    score: Score
    missed: tuple[Miss, ...]
    confusion: npt.NDArray[np.int64]

    @property
    def indices(self) -> set[int]:
        """Places of the missed digits in the split."""
        return {miss.index for miss in self.missed}

    @property
    def confused_pairs(self) -> list[tuple[int, int, int]]:
        """Pairs (label, prediction, count) of the misses, the most frequent first."""
        pairs = Counter((miss.label, miss.prediction) for miss in self.missed)
        ranked = sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(label, prediction, count) for (label, prediction), count in ranked]


def find_misses(network: nn.Module, digits: Digits) -> Misses:
    """The digits that a network misses, computed on its device.

    Args:
        network: as `lecun89.network.modules.make_network` or `network_of` gives it.
        digits: of a split.

    Raises:
        UsageError: the network has no variant.
        FileFormatError: its loss is not finite.
    """
    examined = examine(network, digits)
    values = examined.outputs
    labels = digits.labels.astype(np.intp)
    predictions = values.argmax(axis=1)
    missed = np.flatnonzero(predictions != labels)
    margins = values[missed, predictions[missed]] - values[missed, labels[missed]]
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (labels, predictions), 1)
    # Stable, so that equal margins stay in the order of the split.
    order = np.argsort(-margins, kind="stable")
    return Misses(
        variant_of(network).name,
        digits.data,
        digits.split,
        examined.score,
        tuple(
            Miss(
                index=int(index),
                source_index=int(digits.source_index[index]),
                label=int(labels[index]),
                prediction=int(predictions[index]),
                outputs=tuple(float(value) for value in values[index]),
                margin=float(margin),
            )
            for index, margin in zip(missed[order], margins[order], strict=True)
        ),
        confusion,
    )


@dataclass(frozen=True)
class Comparison:
    """Two networks on the same digits.

    Attributes:
        fixed: places of digits that the first misses and the second does not.
        broken: places of digits that the second misses and the first does not.
        both: places of digits that both miss.
    """

    fixed: tuple[int, ...]
    broken: tuple[int, ...]
    both: tuple[int, ...]

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test, two-sided."""
        return mcnemar_p(len(self.fixed), len(self.broken))


def compare(first: Misses, second: Misses) -> Comparison:
    """What the second network fixes and breaks of the first; on the same digits."""
    before, after = first.indices, second.indices
    return Comparison(
        fixed=tuple(sorted(before - after)),
        broken=tuple(sorted(after - before)),
        both=tuple(sorted(before & after)),
    )


def count_misses(found: Sequence[Misses]) -> dict[int, int]:
    """How many of several networks miss a digit, by its place; the most missed first."""
    counts = Counter(index for of in found for index in of.indices)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
