"""What an evaluation finds, as tables: confusions, each digit's error, rejections."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from rich.table import Table

from lecun89.analysis.rejection import PAPER_ERROR, PAPER_REJECTED, Rejection
from lecun89.render.tables import plain_table


def confusion_table(confusion: npt.NDArray[np.int64]) -> Table:
    """The confusion matrix: digits in rows, what they were read as in columns, and misses."""
    rows = []
    for digit, counts in enumerate(confusion):
        cells = [f"{count}" if count else "." for count in counts]
        misses = int(counts.sum() - counts[digit])
        rows.append([str(digit), *cells, str(misses), str(counts.sum())])
    columns = ["digit", *(f">{digit}" for digit in range(len(confusion))), ">missed", ">of"]
    table = plain_table(columns, rows, "read as")
    table.padding = (0, 0, 0, 0)
    return table


def classes_table(classes: Iterable[tuple[int, int, int]]) -> Table:
    """Digits with their misses and totals."""
    rows = [
        (str(digit), f"{misses}", f"{total}", f"{100 * misses / max(total, 1):.2f}%")
        for digit, misses, total in classes
    ]
    return plain_table(["digit", ">misses", ">of", ">error"], rows)


def rejections_table(rejections: Iterable[Rejection]) -> Table:
    """How many digits to reject for each error, beside the paper's."""
    rows = [
        (
            f"{found.error_percent:g}%",
            f"{found.rejected_percent:.1f}%",
            f"{found.rejected:,}",
            f"{found.misses:,}",
            "" if found.threshold is None else f"{found.threshold:.3g}",
            f"{PAPER_REJECTED}%" if found.error_percent == PAPER_ERROR else "",
        )
        for found in rejections
    ]
    columns = ["error on the accepted", ">rejected", ">digits", ">misses left", ">threshold"]
    return plain_table([*columns, ">paper"], rows)
