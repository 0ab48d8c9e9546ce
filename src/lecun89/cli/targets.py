"""What a command works on: a trained network, digits, and a device, from the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lecun89.cli import options
from lecun89.exceptions import UsageError, unknown_name

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.devices import DeviceChoice
    from lecun89.network.weights import Weights
    from lecun89.training.runs import Run


@dataclass(frozen=True)
class Target:
    """A trained network.

    Attributes:
        path: of the run or the file.
        run: the run; None when it is a file.
        weights: the weights.
    """

    path: Path
    run: "Run | None"
    weights: "Weights"

    @property
    def directory(self) -> Path:
        """Where pictures of it go by default: its run, or ``STEM-pictures`` here for a file."""
        return self.path if self.run else Path(f"{self.path.stem}-pictures")


def open_target(
    name: str | None, runs_dir: Path, variant: str | None = None, data: str | None = None
) -> Target:
    """The run or file of that name, or a variant's published weights; the newest run without one.

    Args:
        name: as given on the command line.
        runs_dir: where runs are kept.
        variant: the network that a file without a name of it belongs to.
        data: the data set on which published weights were trained.
    """
    from lecun89.network.published import find_published
    from lecun89.network.weights import load_weights
    from lecun89.training.runs import find_run, open_run

    published = None
    if name is not None and not any(
        path.is_file() or (path / "config.json").exists() for path in (Path(name), runs_dir / name)
    ):
        published = find_published(name, data)
    path = published.path if published else find_run(name, runs_dir)
    if path.is_dir():
        return target_of(open_run(path), variant)
    return Target(path, None, load_weights(path, variant))


def target_of(run: "Run", variant: str | None = None) -> Target:
    """The network of a run after its last whole pass."""
    return Target(run.path, run, run.read_weights(variant))


def check_names(split: str, data: str | None = None, *, more_splits: tuple[str, ...] = ()) -> None:
    """Refuse unknown names of a split or of data before any work is done.

    Raises:
        UsageError: a name is unknown; the known ones are listed.
    """
    from lecun89.data import SPLITS, get_data

    if split not in (*SPLITS, *more_splits):
        raise unknown_name("split", split, (*SPLITS, *more_splits))
    if data is not None:
        get_data(data)


def load_digits(
    target: Target, data: str | None, splits: tuple[str, ...], data_dir: Path | None
) -> dict[str, "Digits"]:
    """Splits of the data that was asked for, or else of what the network was trained on."""
    from lecun89.data import get_data, load

    name = data or target.weights.data or "1989"
    expected = get_data(name).sha256["train"]
    if target.weights.data == name and target.weights.data_sha256 != expected:
        options.note(f"warning: {target.path} was trained on other digits than {name} holds now")
    directory = options.data_dir(data_dir)
    return {split: load(name, split, directory) for split in splits}


def set_up_device(device: str, threads: int) -> "DeviceChoice":
    """Choose and set up the device for an evaluation."""
    from lecun89 import devices
    from lecun89.data import get_data

    devices.check_threads(threads)
    chosen = devices.choose(device, step_size=get_data("1989").train)
    devices.set_up(chosen.device, threads)
    return chosen


def same_digits(targets: list[Target], data: str | None) -> None:
    """Refuse to compare networks that were trained on different data, unless one is named.

    Raises:
        UsageError: they were.
    """
    names = {target.weights.data or "1989" for target in targets}
    if data is None and len(names) > 1:
        raise UsageError(
            f"the runs are of different data ({', '.join(sorted(names))}): give --data"
        )
