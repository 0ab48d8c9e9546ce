"""Several seeds of one training: a sweep with one axis, which remembers its cells."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lecun89.exceptions import FileFormatError, UsageError, one_line
from lecun89.settings import Settings
from lecun89.storage.files import read_limited, sealed, unsealed, write_text
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
    document = {"schema_version": 1, "settings": settings.as_record(), "seeds": list(seeds)}
    write_text(directory / CELLS, sealed(document))
    return Sweep(directory, [replace(settings, seed=seed) for seed in seeds])


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
        cells = [replace(settings, seed=int(seed)) for seed in document["seeds"]]
        if not cells:
            raise ValueError("it has no seeds")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError) as error:
        raise FileFormatError(f"{path} is damaged: {one_line(error)}") from error
    return Sweep(directory, cells)
