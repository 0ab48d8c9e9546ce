"""What a sweep trains: every combination of some values, as settings."""

import codecs
import itertools
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lecun89.exceptions import (
    FileFormatError,
    UsageError,
    one_line,
    printable,
    shortened,
    unknown_name,
)
from lecun89.parsing import parse_number, parse_seeds
from lecun89.settings import Settings, resolve
from lecun89.storage.files import read_limited
from lecun89.storage.recognise import what_it_is
from lecun89.variants import overrides

KEYS = ("variant", "data", "seeds", "passes", "lr", "batch-size", "engine", "device")
"""What may be varied, beside `lecun89.variants.overrides.KEYS`."""

MOST_CELLS = 100_000

_EXAMPLE = 'lr = [0.01, 0.03] or seeds = "0..9"'
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAX_FILE = 64 << 10  # tomllib takes more than a second for some larger ones

Grid = Mapping[str, Sequence[str]]
"""Values in words, by key."""


def read_grids(path: Path) -> list[Grid]:
    """The grids of a TOML file: its tables ``[[grid]]``, or the file itself if it has none.

    Raises:
        FileFormatError: it is no such file.
        UsageError: it names nothing to train.
    """
    content = read_limited(path, _MAX_FILE)
    try:
        document = tomllib.loads(_decoded(content))
    except (ValueError, RecursionError) as error:
        what = what_it_is(content)
        raise FileFormatError(
            f"{path} is not TOML: {f'it is {what}' if what else one_line(error)}"
        ) from error
    tables = document.get("grid", [document])
    if isinstance(tables, dict):  # [grid], which is one
        tables = [tables]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FileFormatError(f"{path}: grid is not a list of tables: write [[grid]]")
    if not tables or not all(tables):
        where = f"{path}: grid" if "grid" in document else path
        raise UsageError(f"{where} names nothing to train: write what to vary, as {_EXAMPLE}")
    shared = {key: value for key, value in document.items() if key != "grid"}
    return [_words(path, shared | table) for table in tables]


def parse_pairs(pairs: Iterable[str]) -> Grid:
    """The grid of words such as ``lr=0.01,0.03``.

    Raises:
        UsageError: one has no key or no value.
    """
    grid: dict[str, Sequence[str]] = {}
    for pair in pairs:
        key, _, values = pair.partition("=")
        if not key or not values:
            raise UsageError(f"--grid {shortened(pair)!r} is not like key=a,b,c")
        if key in grid:
            raise UsageError(f"--grid names {shortened(key)} twice: give all its values at once")
        grid[key] = [values] if key == "seeds" else values.split(",")
    return grid


def expand_all(grids: Iterable[Grid], base: Mapping[str, str] | None = None) -> list[Settings]:
    """The settings of several grids, none of them twice.

    Args:
        grids: the grids.
        base: as of `expand`.

    Raises:
        UsageError: as of `expand`, or all together have too many cells.
    """
    cells: dict[Settings, None] = {}
    for grid in grids:
        cells |= dict.fromkeys(expand(grid, base))
        if len(cells) > MOST_CELLS:
            raise UsageError(f"the grids have more than {MOST_CELLS:,} cells")
    return list(cells)


def expand(grid: Grid, base: Mapping[str, str] | None = None) -> list[Settings]:
    """The settings of every combination, device and engine chosen.

    Args:
        grid: what is varied.
        base: values from the environment for what is not, by key; of the seed and the threads, too.

    Raises:
        UsageError: a key or a value is not known, or values do not go together.
    """
    varied = {*grid, *(["seed"] if "seeds" in grid else [])}
    base = {key: text for key, text in (base or {}).items() if key not in varied}
    for key in grid:
        if key not in (*KEYS, *overrides.KEYS):
            raise unknown_name("key", key, (*KEYS, *overrides.KEYS))
    axes = {key: list(values) for key, values in grid.items() if key != "seeds"}
    cells_a_seed = math.prod(map(len, axes.values()))
    seeds: list[int] = []
    for text in grid.get("seeds", [base.get("seed", "1337")]):
        seeds += parse_seeds(text)
        if cells_a_seed * len(seeds) > MOST_CELLS:
            raise UsageError(f"the grid has more than {MOST_CELLS:,} cells")
    cells = []
    for values in itertools.product(*axes.values()):
        cell = _settings(dict(zip(axes, values, strict=True)), base)
        cells += [replace(cell, seed=seed) for seed in seeds]
    return cells


def _settings(values: dict[str, str], base: Mapping[str, str]) -> Settings:
    given = {key: text for key, text in {**base, **values}.items() if key not in overrides.KEYS}
    kinds: dict[str, type] = {"passes": int, "lr": float, "seed": int}
    numbers = {
        key: parse_number(f"--{key}" if key in base else key, given[key], kind)
        for key, kind in kinds.items()
        if key in given
    }
    origins = {key: "environment" if key in base else "sweep" for key in ("seed", *given)}
    return resolve(
        **{key.replace("-", "_"): value for key, value in {**given, **numbers}.items()},  # type: ignore[arg-type]
        assumptions=[f"{key}={text}" for key, text in values.items() if key in overrides.KEYS],
        origins={key.replace("-", "_"): origin for key, origin in origins.items()},
    )


def _decoded(content: bytes) -> str:
    """Text in UTF-8, or in what a byte order mark says, as PowerShell writes it."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # as in UTF-16 without its mark
        raise ValueError("it is not text in UTF-8; save it as that")
    return text


def _words(path: Path, table: dict[str, Any]) -> Grid:
    grid: dict[str, Sequence[str]] = {}
    for key, value in table.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            raise UsageError(
                f"{path}: {printable(key)} is an empty list: give its values, as {_EXAMPLE}, "
                "or leave it out"
            )
        if not all(isinstance(one, str | int | float) for one in values):
            where = f"{path}: {printable(key)}"
            raise FileFormatError(f"{where} is neither a value nor a list of values")
        try:
            grid[key] = [_word(one) for one in values]
        except ValueError as error:  # of a number with thousands of digits
            raise FileFormatError(f"{path}: {printable(key)}: {one_line(error)}") from error
    return grid


def _word(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
