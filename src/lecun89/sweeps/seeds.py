"""Several seeds of one training: a sweep with one axis, which remembers its cells."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lecun89.exceptions import FileFormatError, UsageError, one_line
from lecun89.settings import Settings
from lecun89.storage.files import read_limited, sealed, unsealed, write_text
from lecun89.storage.locks import exclusive
from lecun89.sweeps.sweep import Sweep
from lecun89.training.runs import make_directory, run_name

CELLS = "seeds.json"
_MAX_BYTES = 1 << 20  # 10,000 seeds take 150 kB


def is_seeds(directory: Path) -> bool:
    """Whether a directory is one that `create_seeds` made."""
    return (directory / CELLS).is_file()


def create_seeds(runs_dir: Path, settings: Settings, seeds: Sequence[int]) -> Sweep:
    """Make a new directory ``<utc>-<variant>-<data>-seeds``; none is overwritten.

    Args:
        runs_dir: where runs are kept; made where it is missing.
        settings: of each training, but for its seed.
        seeds: the seeds.

    Raises:
        Lecun89Error: `runs_dir` is not to be written to.
    """
    directory = make_directory(runs_dir, run_name(settings, "seeds", datetime.now(UTC)))
    _write(directory, settings, seeds)
    return _sweep(directory, settings, seeds)


def open_seeds(directory: Path) -> Sweep:
    """The sweep in a directory that `create_seeds` made.

    Raises:
        FileFormatError: it is none, or its cells are damaged.
    """
    path = directory / CELLS
    content = read_limited(path, _MAX_BYTES)
    try:
        text = content.decode()
        document = unsealed(text, json.loads(text))
        if document["schema_version"] != 1:
            raise ValueError("it has another schema version")
        settings = Settings.from_record(document["settings"])
        seeds = [int(seed) for seed in document["seeds"]]
        if not seeds:
            raise ValueError("it has no seeds")
        return _sweep(directory, settings, seeds)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError) as error:
        raise FileFormatError(f"{path} is damaged: {one_line(error)}") from error


def change_seeds(sweep: Sweep, settings: Settings) -> Sweep:
    """The sweep with other settings from here on; its runs take them over when it is trained.

    Args:
        sweep: as `open_seeds` gave it.
        settings: that differ in passes, device or threads.

    Raises:
        Lecun89Error: another process is training it.
    """
    if settings == sweep.settings:
        return sweep
    seeds = [cell.seed for cell in sweep.cells]
    with exclusive(sweep.directory, "sweeping in"):
        _write(sweep.directory, settings, seeds)
    return _sweep(sweep.directory, settings, seeds)


def _write(directory: Path, settings: Settings, seeds: Sequence[int]) -> None:
    document = {"schema_version": 1, "settings": settings.as_record(), "seeds": list(seeds)}
    write_text(directory / CELLS, sealed(document))


def _sweep(directory: Path, settings: Settings, seeds: Sequence[int]) -> Sweep:
    return Sweep(directory, [replace(settings, seed=seed) for seed in seeds], by_seed=True)
