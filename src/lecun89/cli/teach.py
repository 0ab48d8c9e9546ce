"""``lecun89 teach``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import DataUnavailableError, InterruptedRunError, UsageError

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.variants import Variant


def teach(
    variant: Annotated[
        str, typer.Option("--variant", metavar="NAME", help="The pupil: its distortions count.")
    ] = "record",
    data: options.Data = "full",
    device: options.Device = "auto",
    threads: options.Threads = 1,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train the larger networks from whose answers `record` learns, and keep the answers.

    They see the same training digits and no others. What is there already is not done again: an
    interrupted command goes on where it was.
    """
    from lecun89 import devices
    from lecun89.data import get_data, labels_path, load, read_labels
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    pupil = get_variant(variant).on(get_data(data).name)
    if not pupil.teacher:
        other = f": give --variant {variant}+teacher=yes" if pupil.distorts else ""
        raise UsageError(f"{variant} has no teacher on {data}{other}")
    devices.check_threads(threads)
    directory = options.data_dir(data_dir)
    path = labels_path(data, pupil.distortions, directory)
    try:
        read_labels(data, pupil, directory)
    except DataUnavailableError:
        chosen = devices.choose(device, step_size=64).device
        devices.set_up(chosen, threads)
        _teach(pupil, data, load(data, "train", directory), directory, chosen, quiet=quiet)
    if json:
        options.print_json({"data": data, "variant": pupil.name, "path": str(path)})
        return
    options.print_line(path)


def _teach(
    pupil: "Variant", data: str, digits: "Digits", directory: Path, device: str, *, quiet: bool
) -> None:
    from lecun89.cli.signals import stop_signals
    from lecun89.data import labels_directory, write_labels
    from lecun89.teachers import get_recipe, label, train_member
    from lecun89.teachers.member import load_member, member_path

    recipe = get_recipe(data)
    members = []
    with stop_signals() as stop_signal:

        def check(variation: int, done: int) -> None:
            if (signum := stop_signal()) is not None:
                raise InterruptedRunError(signum, "interrupted: the teachers are kept")
            if variation % 10 == 0 and done == len(digits):
                note = f"labelled {variation} of {recipe.variations} variations"
                options.note(note, quiet=quiet)

        for seed in range(1, recipe.members + 1):
            path = member_path(labels_directory(data, directory), seed)
            for number, loss in train_member(recipe, digits, seed, path, device, stop_signal):
                options.note(
                    f"teacher {seed} of {recipe.members}: pass {number} of {recipe.passes}, "
                    f"loss {loss:.4f}",
                    quiet=quiet,
                )
            members.append(load_member(recipe, digits.sha256, seed, path))
        labels = label(members, pupil, digits, recipe.variations, device, check)
        try:
            write_labels(labels, data, directory)
        except OSError as error:
            raise DataUnavailableError(
                f"cannot write the labels to {directory}: {error.strerror}; "
                "choose another directory with --data-dir"
            ) from error
