"""Several seeds of one training: their numbers, and what their scores say together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a sample of numbers says.

    Attributes:
        mean: of the sample.
        deviation: standard deviation of the sample, with n - 1; 0 for one number.
        interval95: Student's 95% interval of the mean; None for one number.
    """

    mean: float
    deviation: float
    interval95: tuple[float, float] | None


def summarise(values: Sequence[float]) -> Summary:
    """Mean, deviation and interval of at least one number."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, 0.0, None)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = student95(n - 1) * deviation / math.sqrt(n)
    return Summary(mean, deviation, (mean - half, mean + half))


def student95(freedom: float) -> float:
    """The t below which 97.5% of Student's distribution lie.

    Args:
        freedom: degrees of freedom, at least 1, whole or not (Welch).
    """
    low, high = 1.9, 12.8
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _between(middle, freedom) < 0.95 else (low, middle)
    return low


def student_below(t: float, freedom: float) -> float:
    """The share of Student's distribution below t."""
    half = 0.5 * min(1.0, _between(abs(t), freedom))
    return 0.5 + math.copysign(half, t)


def _between(t: float, freedom: float) -> float:
    """The share of Student's distribution from -t to t, by Simpson's rule."""
    if t > 1e4:
        return 1.0
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    scale = math.exp(log) / math.sqrt(freedom * math.pi)
    steps = 400 + 40 * math.ceil(t)

    def density(x: float) -> float:
        return math.pow(1 + x * x / freedom, -(freedom + 1) / 2)

    h = t / steps
    inner = sum((4 if i % 2 else 2) * density(i * h) for i in range(1, steps))
    return 2 * scale * h / 3 * (1 + inner + density(t))
