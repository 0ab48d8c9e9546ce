"""A run: the directory that holds one training, each file of it whole or absent.

======================  ==========================================================
config.json             settings with their origins, data digests, machine
metrics.jsonl           a line for each pass: learning rate, seconds, scores
weights.safetensors     the weights after the last whole pass
state.safetensors       everything that training needs to go on to the same bits
======================  ==========================================================
"""

import difflib
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lecun89 import tensorfile
from lecun89.architecture import PARAMETER_SHAPES
from lecun89.evaluation import Score
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.files import read_limited, write_json, write_text
from lecun89.settings import Origin, Settings, parse_batch_size
from lecun89.tensorfile import Arrays
from lecun89.training import PassResult, Position
from lecun89.weights import Weights, save_weights

SCHEMA_VERSION = 1

_KIND = "training state"
_MAX_TEXT = 64 << 20
_MAX_STATE = 4 << 20


@dataclass(frozen=True)
class Run:
    """One training on disk.

    Attributes:
        path: its directory.
        settings: what decides its bits.
        origins: where each value of the settings came from.
        data_sha256: digest of each split it was started with.
        machine: where it was started, as `lecun89.devices.describe_machine` tells it.
    """

    path: Path
    settings: Settings
    origins: dict[str, Origin]
    data_sha256: dict[str, str]
    machine: dict[str, Any]

    @property
    def weights_path(self) -> Path:
        """File of the weights after the last whole pass."""
        return self.path / "weights.safetensors"

    def finished_weights_path(self) -> Path:
        """The file of the weights, when there is one.

        Raises:
            FileFormatError: no pass is done yet.
        """
        if not self.weights_path.exists():
            raise FileFormatError(
                f"{self.path} has no whole pass yet: "
                f"go on with `lecun89 train --resume {self.path}`"
            )
        return self.weights_path

    def read_metrics(self) -> list[PassResult]:
        """Results of the passes done so far.

        Raises:
            FileFormatError: the file is damaged.
        """
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        try:
            lines = read_limited(path, _MAX_TEXT).decode().splitlines()
            return [_result(json.loads(line)) for line in lines]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FileFormatError(f"{path} is damaged: {' '.join(str(error).split())}") from error

    def save_pass(self, results: list[PassResult], state: Arrays) -> None:
        """Save the metrics up to a whole pass, its weights, and the state to go on from."""
        lines = [json.dumps(_document(result), allow_nan=False) + "\n" for result in results]
        write_text(self.path / "metrics.jsonl", "".join(lines))
        passes = results[-1].number
        weights = Weights(
            {name: state[name] for name in PARAMETER_SHAPES},
            self.settings.variant,
            self.settings.data,
            self.data_sha256["train"],
        )
        save_weights(self.weights_path, weights, passes=passes, seed=self.settings.seed)
        # Last, so that a crash before it repeats the pass and writes the same files again.
        self.save_state(state, Position(passes))

    def save_state(self, state: Arrays, position: Position) -> None:
        """Save what training needs to go on from here."""
        tensorfile.write(self.path / "state.safetensors", _KIND, state, asdict(position))

    def load_state(self) -> tuple[Arrays, Position]:
        """The last saved state.

        Raises:
            FileFormatError: it is missing or damaged.
        """
        path = self.path / "state.safetensors"
        arrays, header = tensorfile.read(path, _KIND, limit=_MAX_STATE)
        try:
            position = Position(**{field.name: header[field.name] for field in fields(Position)})
        except (KeyError, TypeError) as error:
            raise FileFormatError(f"{path} is damaged: no position in its header") from error
        return arrays, position


def create_run(
    runs_dir: Path,
    settings: Settings,
    origins: dict[str, Origin],
    data_sha256: dict[str, str],
    machine: dict[str, Any],
) -> Run:
    """Make a new directory ``<utc>-<variant>-<data>-s<seed>`` for a run; none is overwritten.

    Raises:
        OSError: it cannot be made.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{stamp}-{settings.variant}-{settings.data}-s{settings.seed}"
    path = _make_directory(runs_dir, name)
    run = Run(path, settings, origins, data_sha256, machine)
    document = {
        "schema_version": SCHEMA_VERSION,
        "settings": {
            key: {"value": value, "origin": origins[key]}
            for key, value in settings.as_document().items()
        },
        "data_sha256": data_sha256,
        "machine": machine,
    }
    write_json(path / "config.json", document)
    return run


def open_run(path: Path) -> Run:
    """The run in that directory.

    Raises:
        FileFormatError: there is none, or its configuration is damaged.
    """
    if not path.is_dir():
        raise FileFormatError(f"no run at {path}: a run is a directory that `lecun89 train` wrote")
    config = path / "config.json"
    if not config.exists():
        raise FileFormatError(f"{path} is not a run: it has no config.json")
    try:
        document = json.loads(read_limited(config, _MAX_TEXT))
        version = document["schema_version"]
        if version != SCHEMA_VERSION:
            raise FileFormatError(
                f"{config} has schema version {version!r}, this lecun89 reads {SCHEMA_VERSION}"
            )
        values = {key: entry["value"] for key, entry in document["settings"].items()}
        values["batch_size"] = parse_batch_size(str(values["batch_size"]))
        return Run(
            path,
            Settings(**values),
            {key: entry["origin"] for key, entry in document["settings"].items()},
            dict(document["data_sha256"]),
            dict(document["machine"]),
        )
    except FileFormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        raise FileFormatError(f"{config} is damaged: {' '.join(str(error).split())}") from error


def list_runs(runs_dir: Path) -> list[Path]:
    """The runs in a directory, the newest last."""
    if not runs_dir.is_dir():
        return []
    configs = [path / "config.json" for path in runs_dir.iterdir()]
    found = [(path.stat().st_mtime_ns, path.parent) for path in configs if path.is_file()]
    return [path for _, path in sorted(found)]


def find_run(name: str | None, runs_dir: Path) -> Path:
    """Path of a run or a file.

    Args:
        name: a path, or the name of a run in `runs_dir`; None for the newest run there.
        runs_dir: where runs are kept.

    Raises:
        FileFormatError: there is none; near names are suggested.
    """
    runs = list_runs(runs_dir)
    if name is None:
        if not runs:
            raise FileFormatError(f"no run in {runs_dir}: make one with `lecun89 train`")
        return runs[-1]
    for path in (Path(name), runs_dir / name):
        if path.exists():
            return path
    nearest = difflib.get_close_matches(name, [path.name for path in runs], n=1)
    hint = f"; did you mean {runs_dir / nearest[0]}?" if nearest else ""
    raise FileFormatError(f"no run or file at {name}{hint}")


def _make_directory(runs_dir: Path, name: str) -> Path:
    runs_dir.mkdir(parents=True, exist_ok=True)
    attempt = 1
    while True:
        path = runs_dir / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            attempt += 1
        else:
            return path


def _document(result: PassResult) -> dict[str, Any]:
    document = asdict(result)
    return {"pass": document.pop("number"), **document}


def _result(document: dict[str, Any]) -> PassResult:
    return PassResult(
        number=document["pass"],
        lr=document["lr"],
        seconds=document["seconds"],
        train=Score(**document["train"]),
        test=Score(**document["test"]),
    )
