"""The files of `lecun89 errors`: contact sheets, tables, the confusion matrix."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lecun89.analysis.misses import Comparison, Mistake, Mistakes
from lecun89.data import Digits
from lecun89.exceptions import printable, shortened
from lecun89.render.lines import interval
from lecun89.render.pictures import Band, Tile, confusion_picture, contact_sheet, digit_picture
from lecun89.storage.outputdir import Writers


def mistakes_title(mistakes: Mistakes) -> str:
    """One line: variant, data, misses, total, error."""
    score = mistakes.score
    return (
        f"{mistakes.variant} on {mistakes.data}: {score.misses:,} of {score.total:,} "
        f"{mistakes.split} digits missed, {score.error_percent:.2f}%"
    )


def _subtitle(mistakes: Mistakes, said: str) -> str:
    text = f"95% interval {interval(mistakes.score)}%"
    return f"{text}; {said}" if mistakes.missed else f"{text}; no digit is missed"


def _tile(digits: Digits, mistake: Mistake) -> Tile:
    return Tile(
        digits.images[mistake.index],
        str(mistake.label),
        str(mistake.prediction),
        f"no. {mistake.index}",
    )


def mistake_files(mistakes: Mistakes, digits: Digits, *, individual: bool) -> Writers:
    """``errors.png``, ``errors.csv``, ``confusion.png``; `individual` adds a picture a digit."""
    title = mistakes_title(mistakes)
    tiles = [_tile(digits, mistake) for mistake in mistakes.missed]
    said = "digit as prediction, the largest margin first"
    sheet = contact_sheet(title, _subtitle(mistakes, said), [Band("", tiles)])
    pairs = pairs_line(mistakes)
    said = f"most confused: {pairs}" if pairs else "no digit is missed"
    matrix = confusion_picture(title, said, mistakes.confusion)
    rows = [
        [m.index, m.source_index, m.label, m.prediction, *map(repr, m.outputs), repr(m.margin)]
        for m in mistakes.missed
    ]
    heading = ["index", "source_index", "label", "prediction"]
    heading += [*(f"output_{digit}" for digit in range(10)), "margin"]
    files: Writers = {
        "errors.png": _png(sheet),
        "errors.csv": _csv(heading, rows),
        "confusion.png": _png(matrix),
    }
    if individual:
        for mistake in mistakes.missed:
            name = f"digits/{mistake.index:05d}-{mistake.label}-as-{mistake.prediction}.png"
            files[name] = _png(digit_picture(digits.images[mistake.index], zoom=16))
    return files


def diff_files(
    names: Sequence[str], found: Sequence[Mistakes], comparison: Comparison, digits: Digits
) -> Writers:
    """``diff.png`` in three bands and ``diff.csv``, of two runs of those names."""
    bands: list[Band] = []
    rows: list[list[object]] = []
    for heading, name, source, indices in (
        ("fixed", "fixed", found[0], comparison.fixed),
        ("broken", "broken", found[1], comparison.broken),
        ("missed by both", "both", found[1], comparison.both),
    ):
        by_index = {mistake.index: mistake for mistake in source.missed}
        missed = [by_index[index] for index in indices]
        tiles = [_tile(digits, mistake) for mistake in missed]
        bands.append(Band(f"{heading}: {len(indices):,}", tiles))
        rows += [[m.index, m.source_index, m.label, m.prediction, name] for m in missed]
    first, second = (shortened(printable(name), 60) for name in names)
    title = f"{first}: {found[0].score.misses} misses; {second}: {found[1].score.misses}"
    subtitle = f"{found[0].split} digits of {found[0].data}; McNemar's exact test, two-sided: "
    subtitle += f"p {p_value_text(comparison)}"
    heading_row = ["index", "source_index", "label", "prediction", "change"]
    return {
        "diff.png": _png(contact_sheet(title, subtitle, bands)),
        "diff.csv": _csv(heading_row, rows),
    }


def across_files(found: Sequence[Mistakes], counts: dict[int, int], digits: Digits) -> Writers:
    """``across.png`` and ``across.csv``: how many of several networks miss each digit.

    Args:
        found: the mistakes of each network.
        counts: as `lecun89.analysis.misses.count_misses` gives them.
        digits: what they were found on.
    """
    tiles = [
        Tile(digits.images[index], str(digits.labels[index]), "", f"{count} of {len(found)}")
        for index, count in counts.items()
    ]
    always = sum(count == len(found) for count in counts.values())
    title = f"{len(found)} runs: {always} {found[0].split} digits missed by all, "
    title += f"{len(counts)} by at least one"
    subtitle = f"{found[0].data}; under each digit, the runs that miss it"
    rows = [
        [index, digits.source_index[index], digits.labels[index], count, len(found)]
        for index, count in counts.items()
    ]
    return {
        "across.png": _png(contact_sheet(title, subtitle, [Band("", tiles)])),
        "across.csv": _csv(["index", "source_index", "label", "missed", "runs"], rows),
    }


def _png(picture: Any) -> Callable[[Path], object]:
    return lambda path: picture.save(path, format="PNG", optimize=True)


def _csv(heading: list[str], rows: Sequence[Sequence[object]]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(heading)
            writer.writerows(rows)

    return write


def pairs_line(mistakes: Mistakes, most: int = 5) -> str:
    """The most confused pairs: ``9 as 7 (4), 3 as 5 (3)``."""
    return ", ".join(
        f"{label} as {prediction} ({count})"
        for label, prediction, count in mistakes.confused_pairs[:most]
    )


def p_value_text(comparison: Comparison) -> str:
    """McNemar's p as ``= 0.012``, or ``< 1e-300`` where it has no float."""
    return f"= {comparison.p_value:.3g}" if comparison.p_value > 0 else "< 1e-300"
