"""A run: the directory that holds one training, each file of it whole or absent.

Only metrics.jsonl grows; of it counts what the saved state covers.

======================  ==========================================================
config.json             settings with their origins and changes, data digests, machine
metrics.jsonl           a line for each pass: learning rate, seconds, scores
weights.safetensors     the weights after the last whole pass
state.safetensors       everything that training needs to go on to the same bits
======================  ==========================================================
"""

import difflib
import itertools
import json
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lecun89.exceptions import FileFormatError, Lecun89Error, UsageError, one_line, shortened
from lecun89.network.structures import structure_of
from lecun89.network.weights import Weights, load_own, save_weights
from lecun89.settings import Settings
from lecun89.storage import tensorfile
from lecun89.storage.files import read_limited, sealed, sweep, unsealed, write_text
from lecun89.storage.locks import exclusive
from lecun89.storage.tensorfile import Arrays
from lecun89.training.loop import PassResult, Position
from lecun89.training.metrics import OF_CONTENT, Metrics, read_metrics

SCHEMA_VERSION = 2

_KIND = "training state"
_METRICS = "metrics.jsonl"
_MAX_CONFIG = 64 << 10
_MAX_STATE = 4 << 20
_MOST_CHANGES = 100  # of the settings, that a configuration remembers: 300 bytes each
_UTC = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(?P<utc>\d{8}T\d{6}Z)-.*-s(?P<seed>\d{1,10})(-(?P<number>\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Run:
    """One training on disk.

    Attributes:
        path: its directory.
        settings: what decides its bits, and where each value came from.
        data_sha256: digest of each split it was started with.
        machine: where it was started, as `lecun89.devices.describe_machine` tells it.
        changes: of its settings, the newest last: when, after which pass and step, and the values
            by name ``from`` and ``to``.
    """

    path: Path
    settings: Settings
    data_sha256: dict[str, str]
    machine: dict[str, Any]
    changes: tuple[dict[str, Any], ...] = ()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Within the block, no other process may train this run.

        Raises:
            Lecun89Error: one does.
        """
        with exclusive(self.path, "training"):
            sweep(self.path)
            yield

    def weights_path(self) -> Path:
        """File of the weights after the last whole pass.

        Raises:
            FileFormatError: there is none yet.
        """
        path = self.path / "weights.safetensors"
        if not path.exists():
            raise FileFormatError(
                f"{self.path} has no weights of a whole pass yet: "
                f"resume it with `lecun89 train --resume {self.path}`"
            )
        return path

    def read_weights(self, variant: str | None = None) -> Weights:
        """The weights after the last whole pass.

        Args:
            variant: what they must be of, as in `lecun89.network.weights.load_weights`.

        Raises:
            FileFormatError: there are none yet, or they are damaged or of another training.
            UsageError: they are of another variant.
        """
        path = self.weights_path()
        weights = load_own(path, variant)
        settings = self.settings
        ours = (settings.variant, settings.data, self.data_sha256.get("train"))
        theirs = (weights.variant, weights.data, weights.data_sha256)
        if theirs != ours or weights.settings not in self._documents():
            raise FileFormatError(f"{path} is of another training than {self.path / 'config.json'}")
        return weights

    def read_metrics(self) -> list[PassResult]:
        """Results of the passes before the saved state.

        Raises:
            FileFormatError: a file is damaged.
        """
        # First the state: another process may be training, and metrics only grow.
        _, header = self._read_state()
        passes, path = _position(self, header).passes, self.path / _METRICS
        sha256 = header.get("metrics_sha256")
        return read_metrics(path, passes, sha256, limit=self.settings.passes)

    def metrics(self) -> Metrics:
        """Its file of metrics, for whoever trains it."""
        return Metrics(self.path / _METRICS)

    def save_pass(
        self, results: list[PassResult], state: Arrays, metrics: Metrics | None = None
    ) -> None:
        """Save the metrics up to a whole pass, its weights, and the state to go on from.

        Args:
            results: of all passes.
            state: after the last of them.
            metrics: of this run, to add to what it has saved; left out, the file is written whole.
        """
        metrics = metrics or self.metrics()
        metrics.save(results)
        passes = results[-1].number
        weights = weights_of(self.settings, state, self.data_sha256["train"])
        path = self.path / "weights.safetensors"
        save_weights(path, weights, passes=passes, seed=self.settings.seed)
        # Last, so that a crash before it repeats the pass and writes the same files again.
        self.save_state(results, state, Position(passes), metrics)

    def save_state(
        self,
        results: list[PassResult],
        state: Arrays,
        position: Position,
        metrics: Metrics | None = None,
    ) -> None:
        """Save what training needs to go on from here, after the passes whose results are given."""
        header = {
            "settings": self.settings.as_document(),
            "data_sha256": self.data_sha256,
            "position": asdict(position),
            "metrics_sha256": (metrics or self.metrics()).sha256(results),
        }
        tensorfile.write(self.path / "state.safetensors", _KIND, state, header)

    def load_state(self) -> tuple[Arrays, Position]:
        """The last saved state.

        Raises:
            FileFormatError: it is missing, damaged, or of another training.
        """
        arrays, header = self._read_state()
        return arrays, _position(self, header)

    def _read_state(self) -> tuple[Arrays, dict[str, Any]]:
        path = self.path / "state.safetensors"
        arrays, header = tensorfile.read(path, _KIND, limit=_MAX_STATE)
        ours = {"settings": self._documents(), "data_sha256": [self.data_sha256]}
        for name, values in ours.items():
            if header.get(name) not in values:
                raise FileFormatError(
                    f"{path} is of other {name.replace('data_sha256', 'digits')} than "
                    f"{self.path / 'config.json'}"
                )
        return arrays, header

    def _documents(self) -> list[dict[str, Any]]:
        """Its settings as they are and as they were: files saved before a change have those."""
        found = [self.settings.as_document()]
        for change in reversed(self.changes):
            found.append(found[-1] | change["from"])
        return found

    def changed(self, settings: Settings) -> "Run":
        """The run with other settings from its saved state on; its configuration tells of it.

        Args:
            settings: that differ in passes, device or threads.

        Raises:
            FileFormatError: its state is damaged. Lecun89Error: another process is training it, or
                has changed it since.
        """
        if settings == self.settings:
            return self
        with self.lock():
            if open_run(self.path).settings != self.settings:
                raise Lecun89Error(f"another process has changed {self.path}: resume it again")
            _, header = self._read_state()
            position = _position(self, header)
            # With nothing saved since the last change, it and this one are one.
            unsaved = header["settings"] != self.settings.as_document()
            kept = self.changes[: len(self.changes) - unsaved]
            before, after = self._documents()[unsaved], settings.as_document()
            names = [name for name in after if before[name] != after[name]]
            change = {
                "utc": datetime.now(UTC).strftime(_UTC),
                "pass": position.passes,
                "step": position.step,
                "from": {name: before[name] for name in names},
                "to": {name: after[name] for name in names},
            }
            changes = (*kept, change)[-_MOST_CHANGES:]
            run = replace(self, settings=settings, changes=changes)
            run.write_config()
        return run

    def write_config(self) -> None:
        """Write config.json."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "settings": self.settings.as_record(),
            "data_sha256": self.data_sha256,
            "machine": self.machine,
        }
        if self.changes:
            document["changes"] = list(self.changes)
        write_text(self.path / "config.json", sealed(document))


def weights_of(settings: Settings, state: Arrays, train_sha256: str) -> Weights:
    """The weights in a training's state, with what is known of them.

    Args:
        settings: of the training.
        state: of its network, as an engine gives it.
        train_sha256: digest of the training digits.
    """
    names = structure_of(settings.trained).shapes
    arrays = {name: state[name] for name in names}
    return Weights(arrays, settings.variant, settings.data, train_sha256, settings.as_document())


def create_run(
    runs_dir: Path,
    settings: Settings,
    data_sha256: dict[str, str],
    machine: dict[str, Any],
    state: Arrays,
) -> Run:
    """Make a new directory ``<utc>-<variant>-<data>-s<seed>`` for a run; none is overwritten.

    Args:
        runs_dir: where runs are kept; made where it is missing.
        settings: as in `Run`, like those that follow.
        data_sha256: see there.
        machine: see there.
        state: of a fresh engine, so that the run can be resumed from the first step.

    Raises:
        Lecun89Error: `runs_dir` is not to be written to.
        OSError: a file cannot be written; nothing is left of the run.
    """
    path = make_directory(runs_dir, run_name(settings, f"s{settings.seed}", datetime.now(UTC)))
    run = Run(path, settings, data_sha256, machine)
    try:
        run.save_state([], state, Position())
        run.write_config()  # which makes it a run
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
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
        text = read_limited(config, _MAX_CONFIG).decode()
        document = json.loads(text)
        version = document["schema_version"]
        if version != SCHEMA_VERSION:
            raise FileFormatError(
                f"{config} has schema version {shortened(repr(version), 20)}, this lecun89 reads "
                f"{SCHEMA_VERSION}"
            )
        document = unsealed(text, document)
        return Run(
            path,
            Settings.from_record(document["settings"]),
            dict(document["data_sha256"]),
            dict(document["machine"]),
            tuple({**one, "from": dict(one["from"])} for one in document.get("changes", ())),
        )
    except (*OF_CONTENT, UsageError) as error:
        raise FileFormatError(f"{config} is damaged: {one_line(error)}") from error


def is_run(path: Path) -> bool:
    """Whether a directory is a run, sound or damaged; others have a config.json, too."""
    config = path / "config.json"
    if (path / "state.safetensors").exists() or not config.exists():
        return config.exists()
    try:
        document = json.loads(read_limited(config, _MAX_CONFIG))
    except (FileFormatError, *OF_CONTENT):
        return True
    ours = {"schema_version", "settings", "data_sha256"}
    return not isinstance(document, dict) or not ours.isdisjoint(document)


def list_runs(runs_dir: Path) -> list[Path]:
    """The runs in a directory, and in the sweeps there, the newest last, as their names tell."""
    if not runs_dir.is_dir():
        return []
    configs = [*runs_dir.glob("*/config.json"), *runs_dir.glob("*/runs/*/config.json")]
    return sorted((path.parent for path in configs if path.is_file()), key=_age)


def _age(path: Path) -> tuple[str, int, int, str]:
    """What runs are ordered by: time, seed, and number of what `make_directory` names."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return "", 0, 0, path.name
    return match["utc"], int(match["seed"]), int(match["number"] or 1), path.name


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
    by_name = {path.name: path for path in runs}
    if name in by_name:
        return by_name[name]
    nearest = difflib.get_close_matches(name, by_name, n=1)
    hint = f"; did you mean {by_name[nearest[0]]}?" if nearest else ""
    raise FileFormatError(f"no run or file at {name}{hint}")


def run_name(settings: Settings, last: str, now: datetime) -> str:
    """The name ``<utc>-<variant>-<data>-<last>`` of a directory."""
    # A name with many assumptions would be too long for a file system.
    variant = settings.variant if len(settings.variant) <= 100 else f"{settings.variant[:100]}..."
    return f"{now.strftime(_UTC)}-{variant}-{settings.data}-{last}"


def make_directory(runs_dir: Path, name: str) -> Path:
    """A new directory of that name, with a number behind it where there is one already.

    Raises:
        Lecun89Error: `runs_dir` is not to be written to.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        for attempt in itertools.count(1):
            path = runs_dir / (name if attempt == 1 else f"{name}-{attempt}")
            with suppress(FileExistsError):
                path.mkdir()
                return path
    except OSError as error:
        raise Lecun89Error(
            f"cannot make a run in {runs_dir}: {error.strerror}; "
            "choose another directory with --runs-dir"
        ) from error
    raise AssertionError


def _position(run: Run, header: dict[str, Any]) -> Position:
    try:
        position = Position(**header["position"])
        inside = (
            asdict(position) == header["position"]
            and type(position.passes) is type(position.step) is int
            and 0 <= position.passes <= run.settings.passes
            and 0 <= position.step <= run.settings.steps_per_pass
            and 0 <= position.seconds < math.inf
        )
    except (KeyError, TypeError):
        inside = False
    if not inside:
        raise FileFormatError(f"{run.path / 'state.safetensors'} is damaged: it has no position")
    return position
