"""Every interval and every test of this package, in plain Python.

``student95``, ``student_below`` and the functions that use them integrate Student's density by
Simpson's rule, to about 1e-9.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a sample of numbers says.

    Attributes:
        mean: of the sample.
        deviation: standard deviation of the sample, with n - 1; None for one number.
        interval95: Student's 95% interval of the mean; None for one number.
    """

    mean: float
    deviation: float | None
    interval95: tuple[float, float] | None


def summarise(values: Sequence[float]) -> Summary:
    """Mean, deviation and interval of at least one number."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, None, None)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = student95(n - 1) * deviation / math.sqrt(n)
    return Summary(mean, deviation, (mean - half, mean + half))


def student95(freedom: float) -> float:
    """The t below which 97.5% of Student's distribution lies.

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


def wilson95(misses: int, total: int) -> tuple[float, float]:
    """Wilson's 95% interval of an error, in percent.

    It is the uncertainty from the number of digits, not from the seed.

    Source: Wilson 1927, *Probable inference, the law of succession, and statistical inference*.
    """
    z = 1.959963984540054
    n, p = total, misses / total
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))


def mcnemar_p(fixed: int, broken: int) -> float:
    """The two-sided p-value of McNemar's exact test: did more than chance change these digits?

    Under the null hypothesis a changed digit is as likely fixed as broken, so the count is
    binomial with probability 1/2.

    Args:
        fixed: digits that only the first of two networks misses.
        broken: digits that only the second misses.

    Source: McNemar 1947, *Note on the sampling error of the difference between correlated
    proportions or percentages*.
    """
    changed = fixed + broken

    def log_probability(count: int) -> float:
        ways = math.lgamma(count + 1) + math.lgamma(changed - count + 1)
        return math.lgamma(changed + 1) - ways - changed * math.log(2)

    # In logarithms, because thousands of changed digits make integers of thousands of digits.
    tail = math.fsum(math.exp(log_probability(count)) for count in range(min(fixed, broken) + 1))
    return min(1.0, 2 * tail)


def paired_p(differences: Sequence[float]) -> float | None:
    """The two-sided p-value of a paired t-test: is the mean difference other than 0?

    Equal differences have no deviation to judge by; they are judged by the sign test.

    Args:
        differences: one for each pair, in any unit.

    Returns:
        The p-value; None for fewer than two pairs.

    Source: Student 1908, *The probable error of a mean*.
    """
    n = len(differences)
    if n < 2:
        return None
    if len(set(differences)) == 1:
        return 1.0 if differences[0] == 0 else 2 * 0.5**n
    return 2 * student_below(-abs(_t(differences, 0.0)), n - 1)


def below_p(values: Sequence[float], target: float) -> float:
    """The p-value of a one-sided t-test: is the mean below a target?

    Args:
        values: the sample, in the target's unit.
        target: what the mean is compared with.

    Returns:
        The p-value; 1 for a single value, and whenever the sample's mean is above the target.
    """
    summary = summarise(values)
    if len(values) < 2 or summary.mean > target:
        return 1.0
    if summary.deviation == 0:
        return 0.0
    return student_below(_t(values, target), len(values) - 1)


def _t(values: Sequence[float], target: float) -> float:
    """Student's t of the mean of at least two values that are not all the same."""
    summary = summarise(values)
    assert summary.deviation is not None
    return (summary.mean - target) / (summary.deviation / math.sqrt(len(values)))


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
