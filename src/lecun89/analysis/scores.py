"""What a split's evaluation comes to: a loss, integers, and an interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """The result of evaluating a split.

    Attributes:
        loss: mean over the split.
        misses: digits whose largest output is not their label's.
        total: digits in the split.
    """

    loss: float
    misses: int
    total: int

    def __post_init__(self) -> None:
        """Refuse what cannot have been counted; scores are also read from files."""
        if not 0 <= self.misses <= self.total or self.total < 1:
            raise ValueError(f"{self.misses!r} misses of {self.total!r}")

    @property
    def error_percent(self) -> float:
        """Misses in percent of the total."""
        return 100 * self.misses / self.total

    @property
    def interval95(self) -> tuple[float, float]:
        """Wilson's 95% interval of the error, in percent.

        Source: Wilson 1927, *Probable inference, the law of succession, and statistical
        inference*. It is the uncertainty from the size of the split, not from the seed.
        """
        z = 1.959963984540054
        n, p = self.total, self.misses / self.total
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        return max(0.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))
