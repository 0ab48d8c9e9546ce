"""1989, 2022 and this machine, as a table and in sentences."""

import math
from collections.abc import Callable, Iterator, Sequence

from rich.table import Table

from lecun89.analysis.literature import BLOG_IMAGE
from lecun89.analysis.thennow import BLOG_M1, LARGE_2022, PAPER_1989, Column, Projection
from lecun89.bench.whole import WholeTraining
from lecun89.render.lines import duration
from lecun89.render.tables import plain_table

_WORDS = ("", "", " million", " billion", " trillion", " quadrillion", " quintillion")
_YEAR = 365.25 * 24 * 3600
_UNKNOWN = "not given"


def then_and_now_table(shown: Sequence[Column]) -> Table:
    """What was trained, on what, how fast; below it each value divided by that of 1989."""
    of_values: dict[str, Callable[[Column], str | None]] = {
        "class of machine": lambda of: of.price_class,
        "training images": lambda of: large(of.images),
        "pixels of training data": lambda of: large(of.pixels),
        "parameters": lambda of: "a few billion" if of.parameters is None else large(of.parameters),
        "MACs for an image": lambda of: large(of.macs_per_image),
        "activations": lambda of: _known(of.activations, large),
        "passes": lambda of: _known(of.passes, large),
        "training time": lambda of: _known(of.training_seconds, span, projected=of.projected),
        "MACs a second": lambda of: _known(of.macs_per_second, large, projected=of.projected),
        "test error": lambda of: _known(of.test_error_percent, "{:.2f}%".format),
    }
    of_factors = {
        "pixels": "pixels",
        "parameters": "parameters",
        "MACs": "macs_per_image",
        "speed": "speed",
        "MACs a second": "macs_per_second",
    }
    rows = [(name, *(cell(of) or _UNKNOWN for of in shown)) for name, cell in of_values.items()]
    rows += [
        (f"{name}, times 1989", *(_known(of.factors[key], about) or _UNKNOWN for of in shown))
        for name, key in of_factors.items()
    ]
    return plain_table(["", *(f">{of.name}" for of in shown)], rows)


def remarks(whole: WholeTraining, here: Column) -> Iterator[str]:
    """Where the numbers are from, and what is counted."""
    yield f"1989: {PAPER_1989.source}, on a {PAPER_1989.machine}; digits of the Postal Service"
    yield f"2022: {BLOG_M1.source}, on a {BLOG_M1.machine}; digits of MNIST"
    part = (
        f"~ is projected from {whole.steps:,} of {whole.of_steps:,} steps, without a test error"
        if whole.projected
        else f"all {whole.steps:,} steps were timed, evaluation was not"
    )
    yield (
        f"this machine: {here.machine}, {here.price_class}, {whole.settings.engine} engine, one "
        f"digit at a time; digits of MNIST; {part}"
    )
    height, width, colours = BLOG_IMAGE
    yield (
        f"{LARGE_2022.name}: vision networks of 2022 as the blog sums them up, in round numbers; "
        f"an image has {height} x {width} pixels of {colours} colours, each counted"
    )
    yield (
        "MACs: multiply-accumulates of a forward pass; training on an image counts as three of "
        "them, forward and twice as much back, also where an engine can leave some out"
    )


def projection_lines(of: Projection) -> Iterator[str]:
    """The blog's 2055 in years, with the arithmetic."""
    now = of.now
    assert now.training_seconds is not None
    assert now.macs_per_second is not None
    larger, about_a = f"{of.larger:,}", "about " if now.projected else ""
    a_pass = years(of.large_2022_pass_seconds)
    yield (
        f"{of.year}, as the blog imagines it: networks and data sets {larger} times as large as "
        f"those of 2022. At {about_a}{large(now.macs_per_second)} MACs a second this machine takes"
    )
    yield (
        f"- {years(of.larger_network_seconds)} to train a network {larger} times as large as "
        f"that of 1989 on the same digits: {larger} x {span(now.training_seconds)}"
    )
    yield (
        f"- {a_pass} for one pass of a large network of 2022 over its images: 3 x "
        f"{large(LARGE_2022.macs_per_image)} MACs x {large(LARGE_2022.images)} images"
    )
    yield (
        f"- {years(of.large_2055_pass_seconds)} for one pass of {of.year}, network and data "
        f"{larger} times as large: {larger} x {larger} x {a_pass}"
    )
    yield (
        f"From 1989 to {now.year}, machines and programs together, this training became "
        f"{about(of.speedup)} times as fast: {of.pace:.3f} times a year for "
        f"{of.years_since_1989} years. At that pace"
    )
    yield (
        f"- a machine {larger} times as fast as this one is {of.years_until_as_fast:.0f} years "
        f"away, in {now.year + of.years_until_as_fast:.0f}: ln {larger} / ln {of.pace:.3f}"
    )
    yield (
        f"- one of {of.year} is {about(of.faster_by_then)} times as fast as this one, "
        f"{of.pace:.3f} to the power of {of.year - now.year}; its pass of the large network of "
        f"2022 takes {years(of.large_2022_pass_seconds_by_then)}, where the blog imagines about a "
        "minute for the whole training"
    )


def large(value: float) -> str:
    """A number to three figures where it is long: ``9,760``, ``1.87 million``, ``1e+22``."""
    if value < 1e6:
        return f"{value:,.0f}"
    value = float(f"{value:.3g}")
    power = int(math.log10(value) // 3)
    if power >= len(_WORDS):
        return f"{value:.2g}"
    return f"{value / 1000**power:.3g}{_WORDS[power]}"


def about(value: float) -> str:
    """A factor to two figures: ``0.27``, ``1``, ``2,900``, ``240 million``."""
    rounded = float(f"{value:.2g}")
    return large(rounded) if rounded >= 10 else f"{rounded:g}"


def span(seconds: float) -> str:
    """A time: ``1.04 s``, ``90 s``, ``4 min 45 s``, ``3 days``."""
    if seconds >= 2 * 24 * 3600:
        return f"{seconds / (24 * 3600):,.0f} days"
    return f"{seconds:.3g} s" if 0.1 <= seconds < 99.5 else duration(seconds)


def years(seconds: float) -> str:
    """A time in years: ``0.33 years (120 days)``, ``3,100 years``."""
    count = about(seconds / _YEAR)
    text = f"{count} year{'' if count == '1' else 's'}"
    return text if seconds >= 2 * _YEAR else f"{text} ({span(seconds)})"


def _known(
    value: float | None, show: Callable[[float], str], *, projected: bool = False
) -> str | None:
    return None if value is None else f"{'~' if projected else ''}{show(value)}"
