"""A sweep's table: a line for each finished cell."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lecun89.exceptions import UsageError
from lecun89.settings import Settings
from lecun89.storage.files import refuse_special, write_text
from lecun89.training.loop import PassResult

COLUMNS = (
    *("variant", "data", "seed", "passes", "lr", "batch_size", "device", "engine"),
    *("train_loss", "train_misses", "train_total", "test_loss", "test_misses", "test_total"),
    *("seconds", "run"),
)
_BEGINNING = ",".join(COLUMNS[:8]).encode()


def as_row(settings: Settings, results: list[PassResult], run: str) -> dict[str, Any]:
    """A finished cell as a line of the table; seconds are those of training.

    Args:
        settings: of the cell.
        results: of its passes.
        run: name of its run.
    """
    document, last = settings.as_document(), results[-1]
    return {
        **{key: document[key] for key in COLUMNS[:8]},
        **{f"train_{key}": value for key, value in vars(last.train).items()},
        **{f"test_{key}": value for key, value in vars(last.test).items()},
        "seconds": round(sum(result.seconds for result in results), 6),
        "run": run,
    }


def write_table(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the file by these rows, whole or not at all.

    Raises:
        UsageError: a file is there that is no such table.
    """
    refuse_special(path)
    if path.exists() and not path.read_bytes()[:200].startswith(_BEGINNING):
        raise UsageError(
            f"{path} is there already and is no table of a sweep: "
            "choose another directory with --out, or move it away"
        )
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
