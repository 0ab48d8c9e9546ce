"""What a training needs of a data set."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lecun89.data.digits import Digits
from lecun89.data.labels import read_labels
from lecun89.data.prepare import load
from lecun89.variant import Variant


def load_training(name: str, variants: Iterable[Variant], directory: Path) -> dict[str, Digits]:
    """The digits of ``train`` and ``test``, with a teacher's labels where a variant asks for them.

    Args:
        name: of the data set.
        variants: that will be trained on it.
        directory: the data directory.

    Raises:
        UsageError: there is no such data set.
        DataUnavailableError: the digits could not be had, or there are no labels.
    """
    splits = {split: load(name, split, directory) for split in ("train", "test")}
    trained = (variant.on(name) for variant in variants)
    taught = next((variant for variant in trained if variant.teacher), None)
    if taught is not None:
        soft = read_labels(name, taught.distortions, directory)
        splits["train"] = replace(splits["train"], soft=soft)
    return splits


def digests(splits: dict[str, Digits]) -> dict[str, str]:
    """The SHA-256 of each split and, where there is one, of the teacher's labels."""
    sha256 = {split: digits.sha256 for split, digits in splits.items()}
    soft = splits["train"].soft
    return sha256 if soft is None else sha256 | {"teacher": soft.sha256}
