"""Train what a claim needs, and keep what each training comes to in a file of results."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import lecun89
from lecun89.exceptions import DivergedError

Row = dict[str, str]
"""A line of a file of results, by column."""

KEYS = ("variant", "data", "lr", "passes", "seed")
SCORES = ("train_loss", "train_misses", "test_loss", "test_misses", "by_pass")


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        variant: its name.
        data: its digits.
        seed: of the initial weights and draws.
        lr: learning rate; None for the variant's.
        passes: over the training digits; None for the variant's.
        engine: that trains it.
    """

    variant: str
    data: str
    seed: int
    lr: float | None = None
    passes: int | None = None
    engine: str = "native"

    @property
    def key(self) -> tuple[str, ...]:
        """What stands in the columns `KEYS`."""
        lr, passes = ("" if value is None else f"{value:g}" for value in (self.lr, self.passes))
        return self.variant, self.data, lr, passes, str(self.seed)


Measure = Callable[[lecun89.Result, Path], dict[str, object]]
"""What a claim wants of a trained network beside its scores, given where the digits are."""


def key_of(row: Row) -> tuple[str, ...]:
    """What stands in the columns `KEYS`, as `Cell.key` has it."""
    return tuple(row[key] for key in KEYS)


def read(*paths: Path) -> list[Row]:
    """The lines of files of results, by variant, data, rate and seed; a file may be missing.

    Of a training in several files the first counts. A last line that an interruption cut off does
    not count.
    """
    found: dict[tuple[str, ...], Row] = {}
    for path in paths:
        if path.exists():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if None not in row.values():
                        found.setdefault(key_of(row), row)
    return sorted(found.values(), key=lambda row: (*key_of(row)[:4], int(row["seed"])))


def train(
    cells: Iterable[Cell],
    path: Path,
    others: Iterable[Path],
    columns: tuple[str, ...],
    measure: Measure,
    data_dir: Path,
    *,
    workers: int,
    side_by_side: int = 1,
) -> None:
    """Train the cells that the file has not, and add a line to it as each is at its end.

    Args:
        cells: what to train.
        path: of the file of results.
        others: files of results whose trainings need not be done again.
        columns: what `measure` gives.
        measure: see `Measure`.
        data_dir: where prepared digits are.
        workers: trainings at a time, by the native engine; the others take one after another.
        side_by_side: seeds that the graph engine trains as one.
    """
    done = {key_of(row) for row in read(path, *others)}
    todo = [cell for cell in cells if cell.key not in done]
    names = (*KEYS, *SCORES, *columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    _mend(path, names)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        for number, (cell, result) in enumerate(_train(todo, data_dir, workers, side_by_side), 1):
            more = measure(result, data_dir) if result else {}
            writer.writerow(dict(zip(KEYS, cell.key, strict=True)) | _scores(result) | more)
            file.flush()
            os.fsync(file.fileno())
            print(
                f"{number} of {len(todo)}: {' '.join(cell.key)} {result or 'diverged'}", flush=True
            )


def _mend(path: Path, names: tuple[str, ...]) -> None:
    """Give a new file its heading, and take a cut line from the end of an old one."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1] or (",".join(names) + "\n").encode()
    assert whole.splitlines()[0].decode().split(",") == [*names], f"{path} has other columns"
    if whole != content:
        path.write_bytes(whole)


def _scores(result: lecun89.Result | None) -> dict[str, object]:
    """The scores after the last pass, and the test misses after each; nothing if it diverged."""
    if result is None:
        return {}
    return {
        **{f"train_{key}": getattr(result.train, key) for key in ("loss", "misses")},
        **{f"test_{key}": getattr(result.test, key) for key in ("loss", "misses")},
        "by_pass": " ".join(str(after.test.misses) for after in result.history),
    }


def _train(
    cells: list[Cell], data_dir: Path, workers: int, side_by_side: int
) -> Iterator[tuple[Cell, lecun89.Result | None]]:
    """Each cell with its result, None if it diverged, as they come to their ends."""
    native = [cell for cell in cells if cell.engine == "native"]

    def alone(cell: Cell) -> lecun89.Result | None:
        try:
            return lecun89.train(cell.variant, seed=cell.seed, **_arguments(cell, data_dir))
        except DivergedError:
            return None

    # The native kernel lets go of the interpreter, so that threads are enough.
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(alone, cell): cell for cell in native}
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        finally:
            pool.shutdown(cancel_futures=True)
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        if cell.engine != "native":
            groups.setdefault(replace(cell, seed=0), []).append(cell)
    for alike in groups.values():
        for first in range(0, len(alike), side_by_side):
            group = alike[first : first + side_by_side]
            seeds = [cell.seed for cell in group]
            arguments = _arguments(group[0], data_dir)
            results = lecun89.train_many(
                group[0].variant, seeds=seeds, workers=len(seeds), **arguments
            )
            yield from zip(group, results, strict=True)


def _arguments(cell: Cell, data_dir: Path) -> dict[str, object]:
    values = {"lr": cell.lr, "passes": cell.passes, "engine": cell.engine, "data": cell.data}
    return {**values, "device": "cpu", "data_dir": data_dir, "progress": False}
