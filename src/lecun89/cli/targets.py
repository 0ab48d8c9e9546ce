"""What a command works on, from the command line: names, digits, a device."""

from pathlib import Path
from typing import TYPE_CHECKING

from lecun89.cli import options
from lecun89.exceptions import unknown_name

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.devices import DeviceChoice
    from lecun89.training.trained import Trained


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
    trained: "Trained", data: str | None, splits: tuple[str, ...], data_dir: Path | None
) -> dict[str, "Digits"]:
    """Splits of the data that was asked for, or else of what the network was trained on."""
    name = data or trained.data
    return trained.load_digits(name, splits, options.data_dir(data_dir, name))


def set_up_device(device: str, threads: str = "auto") -> "DeviceChoice":
    """Choose and set up the device for an evaluation."""
    from lecun89 import devices
    from lecun89.cores import parse_threads
    from lecun89.data import get_data

    most = parse_threads(threads) or 1
    chosen = devices.choose(device, step_size=get_data("1989").train)
    devices.set_up(chosen.device, most)
    return chosen
