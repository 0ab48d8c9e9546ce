"""What the paper, the blog and the notebook report, to set beside our own numbers.

Sources: LeCun et al. 1989, section 4 (after 23 passes); Karpathy's blog post of 2022 with the
printed output in its repository; the notebook on all the data that followed it. Where a source's
loop printed ``int(error * total)`` the count can be one short, so misses are derived from the
error there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """One source's result for a variant on some data.

    Attributes:
        source: ``paper``, ``blog`` or ``notebook``.
        test_error: in percent.
        test_loss: mean over the split; None where it was not printed, or printed wrongly.
        test_misses: where the source counts them itself.
        train_error: in percent.
        train_loss: as test_loss.
        train_misses: as test_misses.
        rounded: the source gives the error as "about".
    """

    source: str
    test_error: float
    test_loss: float | None = None
    train_error: float | None = None
    train_loss: float | None = None
    test_misses: int | None = None
    train_misses: int | None = None
    rounded: bool = False


_PAPER = Report("paper", 5.0, 1.8e-2, 0.14, 2.5e-3, test_misses=102, train_misses=10)

LITERATURE: dict[tuple[str, str], tuple[Report, ...]] = {
    ("base", "1989"): (
        _PAPER,
        Report("blog", 4.09, 2.838382e-2, 0.62, 4.073383e-3),
        Report("notebook", 4.14),
    ),
    ("paper", "usps"): (_PAPER,),
    ("xent", "1989"): (Report("blog", 4.38, None, 0.0), Report("notebook", 4.58)),
    ("adamw", "1989"): (Report("blog", 3.59, None, 0.0), Report("notebook", 3.89)),
    ("shift", "1989"): (Report("blog", 2.19, None, 1.70), Report("notebook", 2.29)),
    ("modern", "1989"): (Report("blog", 1.59, None, 1.47),),
    ("modern-h3", "1989"): (Report("notebook", 2.09),),
    ("base", "full"): (Report("blog", 2.74), Report("notebook", 3.0, rounded=True)),
    ("modern", "full"): (Report("blog", 1.25),),
    ("modern-h3", "full"): (Report("notebook", 1.45),),
}
"""Reports by (variant, data). On ``1989`` the paper's digits are others; ``paper`` is the nearest
to its network, and ``usps`` to its digits."""

PASSES = 23
"""The paper's passes over 7,291 digits, and the blog's."""

SUN4_SECONDS = 3 * 24 * 3600.0
"""Those passes on a SUN-4/260 in 1989, as the paper has it: three days."""

M1_SECONDS = 90.0
"""Those passes on a MacBook Air with an M1 in 2022, as the blog has it: about 90 seconds."""

BLOG_2022 = {
    "images": 1_000_000_000,
    "macs": 1_000_000_000_000,
    "parameters_factor": 1_000_000,
    "macs_factor": 10_000_000,
    "larger_2055": 10_000_000,
}
"""The blog's reflections on networks of 2022: images of a data set, multiply-accumulates for one of
them, factors over 1989; how much larger it expects 2055's to be."""

BLOG_IMAGE = (384, 384, 3)
"""Height, width and colours of one of those images."""
