"""The data rule: which of MNIST's digits are in which split, at 16x16."""

from functools import cache

import numpy as np
import numpy.typing as npt

from lecun89.data.digits import Digits, digits_sha256
from lecun89.data.mnist import Mnist
from lecun89.data.reduction import reduce_images
from lecun89.data.sets import DataSet
from lecun89.exceptions import DataUnavailableError

SEED = 1337
RULE = (
    f"numpy RandomState({SEED}): test = permutation(10000)[:n_test], then "
    "train = permutation(60000)[:n_train] and validation = its last 10000; "
    "bytes / 127.5 - 1, bilinear to 16x16, float32"
)


def make_digits(data: DataSet, mnist: Mnist, splits: list[str]) -> list[Digits]:
    """Splits of a data set from MNIST by the data rule (`RULE`).

    Raises:
        DataUnavailableError: the result is not the known one, so that something here computes
            wrongly.
    """
    made = []
    for split in splits:
        index = source_index(data, split)
        of_test = data.from_test_file(split)
        images = mnist.test_images if of_test else mnist.train_images
        labels = (mnist.test_labels if of_test else mnist.train_labels)[index]
        reduced = reduce_images(images[index])
        digest = digits_sha256(reduced, labels)
        if digest != data.sha256[split]:
            raise DataUnavailableError(
                f"{data.name}/{split} came out with SHA-256 {digest[:12]}..., not "
                f"{data.sha256[split][:12]}...: numpy {np.__version__} computes otherwise here"
            )
        made.append(Digits(data.name, split, reduced, labels, index, digest))
    return made


def source_index(data: DataSet, split: str) -> npt.NDArray[np.int32]:
    """Places of a split's digits in MNIST's file, by `RULE`."""
    test, train = _permutations()
    return {
        "train": train[: data.train],
        "validation": train[-data.validation :],
        "test": train[-data.test :] if data.tunes else test[: data.test],
    }[split]


@cache
def _permutations() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    # The legacy generator, because the seeds' scripts drew from it: test first, then train.
    random = np.random.RandomState(SEED)
    test, train = random.permutation(10_000), random.permutation(60_000)
    return test.astype(np.int32), train.astype(np.int32)
