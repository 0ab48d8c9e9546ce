"""Weights that come with this package: the median seed of a variant on a data set."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lecun89.exceptions import UsageError
from lecun89.variants import base_data

_DIRECTORY = Path(__file__).parent
THRESHOLDS = _DIRECTORY / "thresholds.json"
"""What `Published.thresholds` reads; benchmarks/record.py writes it."""


@dataclass(frozen=True)
class Published:
    """Trained weights in this package.

    Attributes:
        variant: what was trained.
        data: on which data set.
        sha256: of the file.
        misses: of the data set's test digits.
        total: test digits.
    """

    variant: str
    data: str
    sha256: str
    misses: int
    total: int

    @property
    def path(self) -> Path:
        """The weights file."""
        return _DIRECTORY / f"{self.variant}-{self.data}.safetensors"

    @property
    def thresholds(self) -> list[tuple[float, float]]:
        """Error in percent and threshold of the margin, as `lecun89.analysis.rejection.thresholds`.

        They were chosen on the validation digits of its data. Those of ``usps`` are among its
        training digits, so that there they are of networks trained on ``usps-tune``.
        """
        return _thresholds()[self.path.stem]


PUBLISHED = (
    Published(
        "record",
        "1989",
        "3b0a290f2a6ae1283e0458870d2c7fe0d8c571c2e8723cf145b4df4abce03da1",
        14,
        2_007,
    ),
    Published(
        "record",
        "full",
        "bf378ce285bc8506c4cbeba1553eb9514ba9947253aadf8abdf48c4eff6fb733",
        57,
        10_000,
    ),
    Published(
        "record",
        "usps",
        "20f2397847a62c9463dd38d630a2e7236a0f2a116a14eab388ce283cb79e8037",
        46,
        2_007,
    ),
)
"""All of them; docs/record.md has the seeds and how they were trained."""


@cache
def _thresholds() -> dict[str, list[tuple[float, float]]]:
    found = json.loads(THRESHOLDS.read_text(encoding="utf-8"))
    return {name: [(error, least) for error, least in rows] for name, rows in found.items()}


def published_data() -> dict[str, list[str]]:
    """The data on which each variant with published weights was trained, by its name."""
    found: dict[str, list[str]] = {}
    for one in PUBLISHED:
        found.setdefault(one.variant, []).append(one.data)
    return found


def find_published(variant: str, data: str | None) -> Published | None:
    """The published weights of a variant, on 1989 when no data is named.

    Returns:
        None when nothing of the variant is published.

    Raises:
        UsageError: something is, but not on this data.
    """
    of_variant = {one.data: one for one in PUBLISHED if one.variant == variant}
    if not of_variant:
        return None
    name = base_data(data or "1989")
    if name not in of_variant:
        raise UsageError(
            f"no weights of {variant} on {name} are published: there are {', '.join(of_variant)}"
        )
    return of_variant[name]
