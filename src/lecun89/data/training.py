"""What a training needs of a data set."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lecun89.data.digits import Digits
from lecun89.data.labels import read_labels
from lecun89.data.prepare import load, load_or_make
from lecun89.exceptions import UsageError
from lecun89.variants import Variant


def load_training(
    name: str, variants: Iterable[Variant], directory: Path, *, keep: bool = True
) -> dict[str, Digits]:
    """The digits of ``train`` and ``test``, with a teacher's labels where a variant asks for them.

    Args:
        name: of the data set.
        variants: that will be trained on it.
        directory: the data directory.
        keep: whether what is not prepared is prepared there; else nothing is written.

    Raises:
        UsageError: there is no such data set, or variants need different labels.
        DataUnavailableError: the digits could not be had, or there are no labels.
    """
    get = load if keep else load_or_make
    splits = {split: get(name, split, directory) for split in ("train", "test")}
    students = [one for one in (variant.on(name) for variant in variants) if one.teacher]
    if students:
        for other in students[1:]:
            if other.distortions != students[0].distortions:
                raise UsageError(
                    f"{students[0].name} and {other.name} need a teacher's labels for different "
                    "distortions: train them one after the other"
                )
        soft = read_labels(name, students[0], directory)
        splits["train"] = replace(splits["train"], soft=soft)
    return splits


def digests(splits: dict[str, Digits], trained: Variant) -> dict[str, str]:
    """The SHA-256 of each split and, for a variant that learns from one, of a teacher's labels."""
    sha256 = {split: digits.sha256 for split, digits in splits.items()}
    soft = splits["train"].soft
    if trained.teacher and soft is not None:
        sha256["teacher"] = soft.sha256
    return sha256
