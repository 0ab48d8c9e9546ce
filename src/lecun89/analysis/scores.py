"""What a split's evaluation comes to: a loss, integers, and an interval."""

from dataclasses import dataclass

from lecun89.analysis.statistics import wilson95


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
        """Wilson's 95% interval of the error, in percent."""
        return wilson95(self.misses, self.total)
