"""Single lines of text."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lecun89.analysis.scores import Score
from lecun89.analysis.statistics import summarise
from lecun89.engines import get_engine
from lecun89.settings import Settings

if TYPE_CHECKING:
    from lecun89.training.estimate import Estimate


def eval_line(split: str, score: Score) -> str:
    """The line that readers of the blog know."""
    return (
        f"eval: split {split:5s}. loss {score.loss:e}. "
        f"error {score.error_percent:.2f}%. misses: {score.misses}"
    )


def duration(seconds: float) -> str:
    """Seconds in words: ``33 ms``, ``1.3 s``, ``4 min 45 s``, ``2 h 10 min``."""
    if seconds < 0.0995:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def microseconds(seconds: float) -> str:
    """A short time: ``4.0 us``, ``1,350 us``, ``844 ms``."""
    value = seconds * 1e6
    if value >= 99_999.5:
        return f"{value / 1e3:,.0f} ms"
    return f"{value:,.1f} us" if value < 100 else f"{value:,.0f} us"


def times(ratio: float) -> str:
    """How many times: ``0.27``, ``5.4``, ``301,426``."""
    return f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.2g}"


def counted(n: int, word: str) -> str:
    """A number of things: ``1 seed``, ``1,024 seeds``."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def seeds_line(split: str, scores: Sequence[Score]) -> str:
    """The error over seeds in a line: mean, deviation, interval of the mean."""
    summary = summarise([score.error_percent for score in scores])
    line = f"eval: split {split:5s}. {counted(len(scores), 'seed')}. error {summary.mean:.2f}%"
    if summary.interval95 is None:
        return line
    low, high = summary.interval95
    return f"{line}, deviation {summary.deviation:.2f}, 95% of the mean {low:.2f} to {high:.2f}%"


def interval(score: Score) -> str:
    """The error's 95% interval in percent: ``3.30 to 5.04``."""
    low, high = score.interval95
    return f"{low:.2f} to {high:.2f}"


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Values above 0 as bars on a logarithmic scale, at most `width` of them, the last kept."""
    count = min(len(values), width)
    chosen = [values[round((i + 1) * len(values) / count) - 1] for i in range(count)]
    logs = [math.log(max(value, 1e-9)) for value in chosen]
    low, high = min(logs), max(logs)
    bars = "▁▂▃▄▅▆▇█"
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in logs)


def header_line(settings: Settings, which: str, threads: int) -> str:
    """What is trained, where and why there; `which` tells the seeds."""
    reasons = {
        name: settings.origins.get(name, "").removeprefix("chosen: ")
        for name in ("device", "engine")
    }
    return (
        f"{settings.variant} on {settings.data}: {settings.passes:,} x "
        f"{settings.steps_per_pass:,} steps, {which}; {settings.device} "
        f"({reasons['device']}), {settings.engine} engine ({reasons['engine']}), "
        f"{threads_in_words(settings, threads)}"
    )


def threads_in_words(settings: Settings, threads: int) -> str:
    """How many threads a training has, and where a step has fewer: ``2 threads, 1 in a step``."""
    words = counted(threads, "thread")
    in_step = get_engine(settings.engine).threads_in_step(threads, settings.step_size)
    return words if in_step == threads else f"{words}, {in_step} in a step"


def plan_lines(estimate: "Estimate", steps: int, seeds: int, at_a_time: int) -> list[str]:
    """How long a training takes, and several at a time."""
    lines = [
        f"{steps:,} steps; about {duration(estimate.seconds)}: "
        f"{microseconds(estimate.seconds_per_step)} a step over "
        f"{estimate.measured_steps:,} steps, "
        f"{duration(estimate.seconds_per_evaluation)} an evaluation"
    ]
    if seeds > 1:
        total = -(-seeds // at_a_time) * estimate.seconds
        lines.append(f"{seeds} seeds, {at_a_time} at a time: about {duration(total)} in all")
    return lines


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of a terminal, without a word or number being broken."""
    return textwrap.wrap(
        text,
        max(width, 1),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
