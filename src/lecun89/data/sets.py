"""The data sets: their counts and digests."""

from dataclasses import dataclass, replace
from typing import Literal

from lecun89.exceptions import unknown_name
from lecun89.variants import base_data

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class DataSet:
    """A data set.

    Attributes:
        name: its name.
        source: what its digits are made from.
        train: digits in its training split.
        validation: digits in its validation split.
        test: digits in its test split.
        sha256: digest of each split, as in `Digits.sha256`.
        tunes: whether its test digits are the validation digits, so that settings are chosen on
            it without a look at any test digit.
    """

    name: str
    source: Literal["mnist", "usps"]
    train: int
    validation: int
    test: int
    sha256: dict[str, str]
    tunes: bool = False

    @property
    def normalisation(self) -> Literal["mnist", "usps"]:
        """How its digits were normalised, which pictures must be too that its networks read."""
        return self.source

    @property
    def base(self) -> str:
        """Name of the data set that it tunes, or its own."""
        return base_data(self.name)

    def from_test_file(self, split: str) -> bool:
        """Whether a split's digits are those of the file of test digits."""
        return split == "test" and not self.tunes

    @property
    def totals(self) -> dict[str, int]:
        """Number of digits, by split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


_USPS_VALIDATION_SHA256 = "975c3ba1fb501b32fcae85c383d2bc31528021be8c46d6f4e4a3799d46ae5c49"
_USPS_TEST_SHA256 = "ceb4dc66e6275f0dc5daca402bf0cfb1137e7e01d508592c25944b04e9b1a123"
_VALIDATION_SHA256 = "bb93f33f10064afbb32705eaec4b83ad477e0c264b980f146c51da0247ec4c91"

DATA: dict[str, DataSet] = {
    "1989": DataSet(
        "1989",
        "mnist",
        7_291,
        10_000,
        2_007,
        {
            "train": "eb838b30c04de0fa31a68107c0b6ea626dd7367bcbd70fb9caecd16c38db3ca4",
            "validation": _VALIDATION_SHA256,
            "test": "e6eadc33b5719e06c62716c5bf93d4e66d0afd278d3162342c3676cf02e68726",
        },
    ),
    "full": DataSet(
        "full",
        "mnist",
        50_000,
        10_000,
        10_000,
        {
            "train": "15b87cbc3da92f6b6f83fabb85b618c64e8d833d94d7d6f9d46b9e7e39bdf2d8",
            "validation": _VALIDATION_SHA256,
            "test": "885b1e9fe6fa895e392d9196579d8853bf6f2964eb8a27fcebab5fbff4ea452b",
        },
    ),
    "usps": DataSet(
        "usps",
        "usps",
        7_291,
        1_000,
        2_007,
        {
            "train": "bac97e30bd9a3181dd53a080afd4d2aca541d2784eff69e88b6d8d7a219d6433",
            "validation": _USPS_VALIDATION_SHA256,
            "test": _USPS_TEST_SHA256,
        },
    ),
    "usps-tune": DataSet(
        "usps-tune",
        "usps",
        6_291,
        1_000,
        1_000,
        {
            "train": "b6926b795cbebaec7a43fc49b44ef98e3e581b37c570d4b3ffa4c8e1e7395ff6",
            "validation": _USPS_VALIDATION_SHA256,
            "test": _USPS_VALIDATION_SHA256,
        },
        tunes=True,
    ),
}
"""The data sets by name. The validation digits of ``usps`` are the last of its training digits;
``usps-tune`` trains on those before."""

DATA |= {
    f"{name}-tune": replace(
        DATA[name],
        name=f"{name}-tune",
        test=DATA[name].validation,
        sha256=DATA[name].sha256 | {"test": DATA[name].sha256["validation"]},
        tunes=True,
    )
    for name in ("1989", "full")
}


def get_data(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in DATA:
        raise unknown_name("data", name, DATA)
    return DATA[name]


def normalisation_of(name: str | None) -> str:
    """The normalisation of a data set, MNIST's where no name is known."""
    return DATA[name].normalisation if name in DATA else "mnist"
