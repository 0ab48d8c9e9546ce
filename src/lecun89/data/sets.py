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
        held_out: which of the training digits of ``usps`` its validation and test digits are;
            None for a data set with digits of its own.
    """

    name: str
    source: Literal["mnist", "usps"]
    train: int
    validation: int
    test: int
    sha256: dict[str, str]
    tunes: bool = False
    held_out: range | None = None

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


_FOLDS_SHA256 = (  # of what is left, and of the tenth
    (
        "5eb04d833ef0e020b651d2e829aab233159e7f06a4d53170a09337212cb016bf",
        "2de820b0ef4bed96e871b2030d19b263e033aa07806a401f84b68048536fb2c9",
    ),
    (
        "b5671c3a400613adfc363ca9e4c4fd15828668c92b729251bc26a6e709b25dd1",
        "ae2ca2b1605dfb41c82fa13d4ce1d29d4eb1b3022c2310cca1d44c8f376baa53",
    ),
    (
        "ed4f23b95794c2a5ad19720f976f9d2eab52ee91d4fdfe7f92d007ad4e48256f",
        "4bdd36ea725af49925669aaca9262ff0cd347141554472fe8cda20f18243a0fc",
    ),
    (
        "13a9e03434cdbc63f515ebf76faeffcb17915129bea546811e93b7e978715332",
        "eb79c6b1cbcd0f89cf32f4677f769de03909654062e559706ea8bce1cfbc1fb6",
    ),
    (
        "cf2485d918e8f688f23807fc4c4a682ea765e6bf97c7d6963422a91c26826d77",
        "988fa82da06a7fe14d998520810ea833dc99c63cfbdd33c0eade545271a99f21",
    ),
    (
        "9a29aedc59bc1e80fb0be41463971c66f737338db824943123513112f42290f7",
        "8aa6d0efa5991fdaebddd7d2aab923eda872ad068d6d39dce66ddac0ec8a64ae",
    ),
    (
        "aaa63cf91cbaf2b36466e8ec9b33a7c5a73ae5475381a53551eb0d1758f47579",
        "0d231b76695502a16842add37450dd2712950c373cb4aff66d1aed44c1a65f20",
    ),
    (
        "88d94502db863720f6c9e035c46df6054955905d90d0b37ace89651d08264fee",
        "6625f5b9b9f044346929ed8a5ab8f33793a64a4fba0c814d67e30d039fa6a09c",
    ),
    (
        "f6bbe63698bbf26b344aef0a9c0777200bcb3c2c27f46ec4d90435e1e9d95cbb",
        "14797e8fd621a4d2b282fb3b9d5f8f2be3f208a8a78571f99b06df651ce1589e",
    ),
    (
        "4a950c8d46e71aa3debd7f957c125da5df1353e2008b0bb5c18aef2124d9c857",
        "995250c9688110974461594b3122bda2cd28ce147c28625c6043eb371ae7aaec",
    ),
)


def _fold(number: int) -> DataSet:
    total = DATA["usps"].train
    held_out = range(*(total * one // len(_FOLDS_SHA256) for one in (number, number + 1)))
    train, tenth = _FOLDS_SHA256[number]
    return DataSet(
        f"usps-fold{number}",
        "usps",
        total - len(held_out),
        len(held_out),
        len(held_out),
        {"train": train, "validation": tenth, "test": tenth},
        tunes=True,
        held_out=held_out,
    )


FOLDS = {one.name: one for one in map(_fold, range(len(_FOLDS_SHA256)))}
"""``usps-fold0`` to ``usps-fold9`` by name, for a cross-validation over the training digits of
``usps``, of which each is tested on the next tenth and trains on the others."""


def get_data(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name in FOLDS:
        return FOLDS[name]
    if name not in DATA:
        raise unknown_name("data", name, DATA)
    return DATA[name]


def normalisation_of(name: str | None) -> str:
    """The normalisation of a data set, MNIST's where no name is known."""
    known = DATA | FOLDS
    return known[name].normalisation if name in known else "mnist"
