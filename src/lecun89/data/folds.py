"""The folds of ``usps``: cut from its training digits, and never kept."""

import numpy as np
import numpy.typing as npt

from lecun89.data.digits import Digits
from lecun89.data.sets import DataSet


def cut(whole: Digits, data: DataSet, split: str) -> Digits:
    """A split of a fold.

    Args:
        whole: the training digits of ``usps``.
        data: the fold.
        split: ``train``, ``validation`` or ``test``.
    """
    places = _places(data, split)
    return Digits(
        data=data.name,
        split=split,
        images=whole.images[places],
        labels=whole.labels[places],
        source_index=whole.source_index[places],
        sha256=data.sha256[split],
    )


def _places(data: DataSet, split: str) -> npt.NDArray[np.int64]:
    """Where a split's digits lie: neighbours, which come from the same envelopes, stay together."""
    held_out = np.asarray(data.held_out)
    return held_out if split != "train" else np.delete(np.arange(data.train + data.test), held_out)
