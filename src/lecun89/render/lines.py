"""Single lines of text."""

from lecun89.evaluation import Score


def eval_line(split: str, score: Score) -> str:
    """The line that readers of the blog know."""
    return (
        f"eval: split {split:5s}. loss {score.loss:e}. "
        f"error {score.error_percent:.2f}%. misses: {score.misses}"
    )


def duration(seconds: float) -> str:
    """Seconds in words: ``1.3 s``, ``4 min 45 s``, ``2 h 10 min``."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def interval(score: Score) -> str:
    """The error's 95% interval in percent: ``3.30 to 5.04``."""
    low, high = score.interval95
    return f"{low:.2f} to {high:.2f}"
