"""The blog's reflections as numbers: 1989, 2022, a machine of today, large networks, and 2055.

Source: Karpathy 2022, *Deep Neural Nets: 33 years ago and 33 years from now*, in the numbers of
`lecun89.analysis.literature`.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from lecun89.analysis.literature import (
    BLOG_2022,
    BLOG_IMAGE,
    LITERATURE,
    M1_SECONDS,
    PASSES,
    SUN4_SECONDS,
)
from lecun89.network.architecture import ACTIVATIONS, IMAGE_SIZE, MACS, PARAMETERS

IMAGES = 7_291
"""Training digits of 1989."""

MACS_OF_A_STEP = 3
"""Forward passes that a training step costs by the usual convention: forward, and twice back."""

FACTORS = ("pixels", "parameters", "macs_per_image", "activations", "speed", "macs_per_second")
"""What is set in proportion to 1989."""

_PAPER, _BLOG, _ = LITERATURE["base", "1989"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A network, and a training of it. None where the source does not say.

    Attributes:
        name: ``1989``, ``2022``, ``this machine`` or ``large, 2022``.
        source: who reports it.
        year: of the machine.
        machine: its name.
        price_class: of the machine, in words.
        images: in the training split.
        pixels_per_image: values in an image; each colour counts.
        parameters: of the network.
        parameters_factor: against 1989, where the source gives that alone.
        macs_per_image: multiply-accumulates of a forward pass.
        activations: of the network.
        passes: over the training split.
        training_seconds: of all passes.
        projected: the seconds are projected from a part of the training.
        test_error_percent: at the end.
    """

    name: str
    source: str
    year: int
    machine: str | None = None
    price_class: str | None = None
    images: int = IMAGES
    pixels_per_image: int = IMAGE_SIZE**2
    parameters: int | None = PARAMETERS
    parameters_factor: float | None = None
    macs_per_image: int = MACS
    activations: int | None = ACTIVATIONS
    passes: int | None = PASSES
    training_seconds: float | None = None
    projected: bool = False
    test_error_percent: float | None = None

    @property
    def pixels(self) -> int:
        """Values in the images of the training split."""
        return self.images * self.pixels_per_image

    @property
    def macs_per_second(self) -> float | None:
        """Multiply-accumulates a second of the training, as `MACS_OF_A_STEP` counts them."""
        if self.training_seconds is None or self.passes is None:
            return None
        return self.macs_per_pass * self.passes / self.training_seconds

    @property
    def macs_per_pass(self) -> int:
        """Multiply-accumulates of a pass over the training split, forward and back."""
        return MACS_OF_A_STEP * self.macs_per_image * self.images

    @property
    def speed(self) -> float | None:
        """Trainings a second."""
        return None if self.training_seconds is None else 1 / self.training_seconds

    @property
    def factors(self) -> dict[str, float | None]:
        """For each of `FACTORS`, this column's value divided by that of 1989."""
        found: dict[str, float | None] = {}
        for name in FACTORS:
            ours, then = getattr(self, name), getattr(PAPER_1989, name)
            found[name] = None if ours is None else ours / then
        if self.parameters_factor is not None:
            found["parameters"] = self.parameters_factor
        return found

    def as_document(self) -> dict[str, Any]:
        """The values and factors, for JSON."""
        values = {key: value for key, value in vars(self).items() if key != "parameters_factor"}
        return values | {
            "pixels": self.pixels,
            "macs_per_second": self.macs_per_second,
            "times_1989": self.factors,
        }


PAPER_1989 = Column(
    name="1989",
    source="LeCun et al. 1989",
    year=1989,
    machine="SUN-4/260",
    price_class="workstation",
    training_seconds=SUN4_SECONDS,
    test_error_percent=_PAPER.test_error,
)

BLOG_M1 = Column(
    name="2022",
    source="Karpathy's blog",
    year=2022,
    machine="MacBook Air (M1)",
    price_class="laptop",
    training_seconds=M1_SECONDS,
    test_error_percent=_BLOG.test_error,
)

LARGE_2022 = Column(
    name="large, 2022",
    source="Karpathy's blog",
    year=2022,
    images=BLOG_2022["images"],
    pixels_per_image=math.prod(BLOG_IMAGE),
    parameters=None,
    parameters_factor=BLOG_2022["parameters_factor"],
    macs_per_image=BLOG_2022["macs"],
    activations=None,
    passes=None,
)
"""The large vision networks of 2022 as the blog sums them up, in round numbers."""


def columns(here: Column) -> tuple[Column, ...]:
    """1989, 2022, this machine, and the large networks of 2022."""
    return PAPER_1989, BLOG_M1, here, LARGE_2022


@dataclass(frozen=True)
class Projection:
    """What the blog expects of 2055, at the rate and at the pace of a machine of today.

    Attributes:
        now: the machine.
    """

    now: Column
    year: ClassVar[int] = 2055
    larger: ClassVar[int] = BLOG_2022["larger_2055"]
    """How many times as large as those of 2022 the blog expects networks and data sets to be."""

    @property
    def larger_network_seconds(self) -> float:
        """To train a network that many times as large as that of 1989 on the same digits."""
        return self._seconds * self.larger

    @property
    def large_2022_pass_seconds(self) -> float:
        """For one pass of a large network of 2022 over its images."""
        return LARGE_2022.macs_per_pass / self._rate

    @property
    def large_2055_pass_seconds(self) -> float:
        """For one pass with both that many times as large."""
        return self.large_2022_pass_seconds * self.larger**2

    @property
    def years_since_1989(self) -> int:
        """At least one, whatever the clock says."""
        return max(1, self.now.year - PAPER_1989.year)

    @property
    def speedup(self) -> float:
        """How many times as fast as in 1989."""
        return SUN4_SECONDS / self._seconds

    @property
    def pace(self) -> float:
        """How many times as fast each year, since 1989."""
        return math.pow(self.speedup, 1 / self.years_since_1989)

    @property
    def years_until_as_fast(self) -> float:
        """Years until a machine is `larger` times as fast, at that pace."""
        return math.log(self.larger) / math.log(self.pace)

    @property
    def faster_by_then(self) -> float:
        """How many times as fast as now in 2055, at that pace."""
        return math.pow(self.pace, self.year - self.now.year)

    @property
    def large_2022_pass_seconds_by_then(self) -> float:
        """For one pass of a large network of 2022 on the machine of 2055."""
        return self.large_2022_pass_seconds / self.faster_by_then

    def as_document(self) -> dict[str, Any]:
        """The values, for JSON."""
        return {
            "times_as_large": self.larger,
            "larger_network_of_1989_seconds": self.larger_network_seconds,
            "large_2022_pass_seconds": self.large_2022_pass_seconds,
            "large_2055_pass_seconds": self.large_2055_pass_seconds,
            "years_since_1989": self.years_since_1989,
            "times_as_fast_since_1989": self.speedup,
            "times_as_fast_a_year": self.pace,
            "years_until_that_many_times_as_fast": self.years_until_as_fast,
            "times_as_fast_by_2055": self.faster_by_then,
            "large_2022_pass_seconds_by_2055": self.large_2022_pass_seconds_by_then,
        }

    @property
    def _seconds(self) -> float:
        assert self.now.training_seconds is not None
        return self.now.training_seconds

    @property
    def _rate(self) -> float:
        assert self.now.macs_per_second is not None
        return self.now.macs_per_second
