"""A trained network by name: a run, a weights file, or published weights."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lecun89.data import Digits, get_data, load
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.published import find_published
from lecun89.network.weights import Weights, load_weights
from lecun89.training.runs import Run, find_run, is_run, open_run

_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".pkl", ".tar")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        path: of the run or the file.
        run: the run; None when it is a file.
        weights: the weights.
    """

    path: Path
    run: Run | None
    weights: Weights

    @property
    def directory(self) -> Path:
        """Where pictures of it go by default: its run, or ``STEM-pictures`` here for a file."""
        return self.path if self.run else Path(f"{self.path.stem}-pictures")

    @property
    def data(self) -> str:
        """Name of the data set that it was trained on, or of the default one."""
        return self.weights.data or "1989"

    def load_digits(self, data: str, splits: Iterable[str], directory: Path) -> dict[str, Digits]:
        """Splits of a data set."""
        expected = get_data(data).sha256["train"]
        if self.weights.data == data and self.weights.data_sha256 != expected:
            _log.warning("warning: %s was trained on other digits than %s holds", self.path, data)
        return {split: load(data, split, directory) for split in splits}


def open_trained(
    name: str | None, runs_dir: Path, variant: str | None = None, data: str | None = None
) -> Trained:
    """The run or file of that name, or a variant's published weights.

    Args:
        name: a path, also of a directory with one weights file in it; the name of a run in
            `runs_dir`, or of a variant; None for the newest run.
        runs_dir: where runs are kept.
        variant: the network that a file of others belongs to; what ``LECUN89_VARIANT`` names when
            left out.
        data: the data set on which published weights were trained.

    Raises:
        FileFormatError: there is none, or it is damaged.
        UsageError: the variant is needed, unknown, or not what the file says.
    """
    path = locate(name, runs_dir, data)
    if path.is_dir():
        return trained_of(open_run(path), variant)
    weights = load_weights(path, variant, otherwise=os.environ.get("LECUN89_VARIANT") or None)
    try:
        get_data(weights.data or "1989")
    except UsageError as error:
        raise FileFormatError(f"{path} is of another version of lecun89: {error}") from error
    return Trained(path, None, weights)


def locate(name: str | None, runs_dir: Path, data: str | None = None) -> Path:
    """The directory of a run, or a weights file, as `open_trained` finds it.

    Raises:
        FileFormatError: there is none, or a directory holds several.
        UsageError: nothing of that variant is published on this data.
    """
    published = None
    if name is not None and not any(
        path.is_file() or is_run(path) or _weights_files(path)
        for path in (Path(name), runs_dir / name)
    ):
        published = find_published(name, data)
    path = published.path if published else find_run(name, runs_dir)
    if not path.is_dir() or is_run(path):
        return path
    files = _weights_files(path)
    if len(files) == 1:
        return files[0]
    if not files:
        raise FileFormatError(
            f"{path} is not a run: it has no config.json; nor does it hold a weights file "
            f"({' '.join(_ENDINGS)})"
        )
    names = ", ".join(file.name for file in files[:5]) + (", ..." if len(files) > 5 else "")
    raise FileFormatError(f"{path} holds {len(files)} weights files: name one of {names}")


def _weights_files(directory: Path) -> list[Path]:
    """What may be weights there, by its ending; whether it is, its reader says."""
    try:
        return sorted(
            path
            for path in directory.iterdir()
            if path.suffix.lower() in _ENDINGS and path.name[0] != "." and path.is_file()
        )
    except (OSError, ValueError):  # it is no directory, or not to be read
        return []


def trained_of(run: Run, variant: str | None = None) -> Trained:
    """The network of a run after its last whole pass."""
    return Trained(run.path, run, run.read_weights(variant))


def check_same_data(trained: Iterable[Trained], data: str | None) -> None:
    """Refuse to compare networks that were trained on different data, unless one is named.

    Raises:
        UsageError: they were.
    """
    names = {one.data for one in trained}
    if data is None and len(names) > 1:
        raise UsageError(
            f"the runs are of different data ({', '.join(sorted(names))}): give --data"
        )
