"""What `lecun89 errors` makes of one network, of two, or of several: files, JSON, lines."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from PIL import Image
from rich.table import Table

from lecun89.analysis.misses import Comparison, Miss, Misses, compare, count_misses
from lecun89.data import Digits
from lecun89.exceptions import printable, shortened
from lecun89.render.evaltables import confusion_table
from lecun89.render.lines import interval
from lecun89.render.pictures import Band, Tile, confusion_picture, contact_sheet, digit_picture
from lecun89.render.tables import plain_table
from lecun89.storage.outputdir import Writers


class Report(Protocol):
    """A report on the digits that are missed.

    Attributes:
        kind: names the directory of its files.
    """

    kind: ClassVar[str]

    def files(self) -> Writers:
        """What writes each file, by its name."""

    def document(self) -> dict[str, Any]:
        """Values for JSON."""

    def captions(self) -> list[tuple[int, str]]:
        """The place of each digit to show, with the words under it."""

    def lines(self, *, quiet: bool) -> list[str | Table]:
        """What is printed."""


@dataclass(frozen=True)
class MissesReport:
    """``errors.png``, ``errors.csv``, ``confusion.png``: what a network misses.

    Attributes:
        misses: of the network.
        digits: what they were found on.
        individual: adds a picture of each digit.
    """

    misses: Misses
    digits: Digits
    individual: bool = False
    kind: ClassVar[str] = "errors"

    def files(self) -> Writers:
        """What writes each file, by its name."""
        misses, pairs = self.misses, _pairs_line(self.misses)
        said = f"most confused: {pairs}" if pairs else "no digit is missed"
        heading = ["index", "source_index", "label", "prediction"]
        heading += [*(f"output_{digit}" for digit in range(10)), "margin"]
        rows = [
            [m.index, m.source_index, m.label, m.prediction, *map(repr, m.outputs), repr(m.margin)]
            for m in misses.missed
        ]
        of = {"variant": misses.variant, "data": misses.data, "split": misses.split}
        files: Writers = {
            "errors.png": _png(misses_sheet(misses, self.digits)),
            "errors.csv": _csv([*of, *heading], [[*of.values(), *row] for row in rows]),
            "confusion.png": _png(confusion_picture(_title(misses), said, misses.confusion)),
        }
        if self.individual:
            for m in misses.missed:
                name = f"digits/{m.index:05d}-{m.label}-as-{m.prediction}.png"
                files[name] = _png(digit_picture(self.digits.images[m.index], zoom=16))
        return files

    def document(self) -> dict[str, Any]:
        """Values for JSON."""
        names = ("index", "source_index", "label", "prediction", "margin")
        return {"misses": [{name: getattr(m, name) for name in names} for m in self.misses.missed]}

    def captions(self) -> list[tuple[int, str]]:
        """The place of each digit to show, with the words under it."""
        return [(m.index, f"{m.label} as {m.prediction}") for m in self.misses.missed]

    def lines(self, *, quiet: bool) -> list[str | Table]:
        """What is printed."""
        title = _title(self.misses)
        if quiet:
            return [title]
        if not self.misses.missed:
            return [title, "no digit is missed"]
        pairs = f"most confused: {_pairs_line(self.misses)}"
        return [title, confusion_table(self.misses.confusion), pairs]


@dataclass(frozen=True)
class DiffReport:
    """``diff.png`` in three bands and ``diff.csv``: what a network fixes and breaks of another.

    Attributes:
        paths: of the two.
        found: what each misses.
        digits: what they were found on.
    """

    paths: Sequence[Path]
    found: Sequence[Misses]
    digits: Digits
    kind: ClassVar[str] = "errors-diff"

    @property
    def comparison(self) -> Comparison:
        """Of the first with the second."""
        return compare(*self.found)

    def files(self) -> Writers:
        """What writes each file, by its name."""
        first, second = self.found
        comparison = self.comparison
        bands: list[Band] = []
        rows: list[list[object]] = []
        for heading, name, source, indices in (
            ("fixed", "fixed", first, comparison.fixed),
            ("broken", "broken", second, comparison.broken),
            ("missed by both", "both", second, comparison.both),
        ):
            by_index = {miss.index: miss for miss in source.missed}
            missed = [by_index[index] for index in indices]
            tiles = [_tile(self.digits, miss) for miss in missed]
            bands.append(Band(f"{heading}: {len(indices):,}", tiles))
            rows += [[m.index, m.source_index, m.label, m.prediction, name] for m in missed]
        names = [shortened(printable(path.name), 60) for path in self.paths]
        title = f"{names[0]}: {first.score.misses} misses; {names[1]}: {second.score.misses}"
        subtitle = f"{first.split} digits of {first.data}; McNemar's exact test, two-sided: "
        subtitle += f"p {_p_value(comparison)}"
        heading_row = ["index", "source_index", "label", "prediction", "change"]
        return {
            "diff.png": _png(contact_sheet(title, subtitle, bands)),
            "diff.csv": _csv(heading_row, rows),
        }

    def document(self) -> dict[str, Any]:
        """Values for JSON."""
        comparison = self.comparison
        places = {name: list(getattr(comparison, name)) for name in ("fixed", "broken", "both")}
        return {"diff": str(self.paths[1]), **places, "p_value": comparison.p_value}

    def captions(self) -> list[tuple[int, str]]:
        """The place of each digit to show, with the words under it."""
        comparison = self.comparison
        fixed = [(index, "fixed") for index in comparison.fixed]
        return fixed + [(index, "broken") for index in comparison.broken]

    def lines(self, *, quiet: bool) -> list[str | Table]:
        """What is printed."""
        of = zip(self.paths, self.found, strict=True)
        titles = [] if quiet else [f"{path}: {_title(misses)}" for path, misses in of]
        comparison = self.comparison
        return [
            *titles,
            f"fixed {len(comparison.fixed)}, broken {len(comparison.broken)}, missed by both "
            f"{len(comparison.both)}; McNemar's exact test: p {_p_value(comparison)}",
        ]


@dataclass(frozen=True)
class AcrossReport:
    """``across.png`` and ``across.csv``: how many of several networks miss each digit.

    Attributes:
        paths: of the networks.
        found: what each misses.
        digits: what they were found on.
    """

    paths: Sequence[Path]
    found: Sequence[Misses]
    digits: Digits
    kind: ClassVar[str] = "errors-across"

    @property
    def counts(self) -> dict[int, int]:
        """How many miss a digit, by its place."""
        return count_misses(self.found)

    def files(self) -> Writers:
        """What writes each file, by its name."""
        digits, counts, runs = self.digits, self.counts, len(self.found)
        tiles = [
            Tile(digits.images[index], str(digits.labels[index]), "", f"{count} of {runs}")
            for index, count in counts.items()
        ]
        always = sum(count == runs for count in counts.values())
        title = f"{runs} runs: {always} {digits.split} digits missed by all, "
        title += f"{len(counts)} by at least one"
        subtitle = f"{digits.data}; under each digit, the runs that miss it"
        rows = [
            [index, digits.source_index[index], digits.labels[index], count, runs]
            for index, count in counts.items()
        ]
        return {
            "across.png": _png(contact_sheet(title, subtitle, [Band("", tiles)])),
            "across.csv": _csv(["index", "source_index", "label", "missed", "runs"], rows),
        }

    def document(self) -> dict[str, Any]:
        """Values for JSON."""
        digits = [
            {
                "index": index,
                "source_index": int(self.digits.source_index[index]),
                "label": int(self.digits.labels[index]),
                "missed": count,
            }
            for index, count in self.counts.items()
        ]
        return {"runs": [str(path) for path in self.paths], "digits": digits}

    def captions(self) -> list[tuple[int, str]]:
        """The place of each digit to show, with the words under it."""
        return [(index, f"{count} of {len(self.found)}") for index, count in self.counts.items()]

    def lines(self, *, quiet: bool) -> list[str | Table]:
        """What is printed."""
        times, runs = Counter(self.counts.values()), len(self.found)
        rows = [(f"{count} of {runs} runs", f"{times[count]:,}") for count in range(runs, 0, -1)]
        misses = ", ".join(str(of.score.misses) for of in self.found)
        return [
            plain_table(["missed by", ">digits"], rows),
            f"misses of {self.found[0].score.total:,} in each run: {misses}",
        ]


def misses_sheet(misses: Misses, digits: Digits) -> Image.Image:
    """A contact sheet of missed digits, the largest margin first.

    Args:
        misses: as `lecun89.analysis.misses.find_misses` gives them.
        digits: what they were found on.
    """
    subtitle = f"95% interval {interval(misses.score)}%; "
    said = "digit as prediction, the largest margin first"
    subtitle += said if misses.missed else "no digit is missed"
    tiles = [_tile(digits, miss) for miss in misses.missed]
    return contact_sheet(_title(misses), subtitle, [Band("", tiles)])


def _title(misses: Misses) -> str:
    score = misses.score
    return (
        f"{misses.variant} on {misses.data}: {score.misses:,} of {score.total:,} "
        f"{misses.split} digits missed, {score.error_percent:.2f}%"
    )


def _tile(digits: Digits, miss: Miss) -> Tile:
    note = f"no. {miss.index}"
    return Tile(digits.images[miss.index], str(miss.label), str(miss.prediction), note)


def _pairs_line(misses: Misses, most: int = 5) -> str:
    """The most confused pairs: ``9 as 7 (4), 3 as 5 (3)``."""
    return ", ".join(
        f"{label} as {prediction} ({count})"
        for label, prediction, count in misses.confused_pairs[:most]
    )


def _p_value(comparison: Comparison) -> str:
    """McNemar's p as ``= 0.012``, or ``< 1e-300`` where it has no float."""
    return f"= {comparison.p_value:.3g}" if comparison.p_value > 0 else "< 1e-300"


def _png(picture: Image.Image) -> Callable[[Path], object]:
    return lambda path: picture.save(path, format="PNG", optimize=True)


def _csv(heading: list[str], rows: Sequence[Sequence[object]]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(heading)
            writer.writerows(rows)

    return write
