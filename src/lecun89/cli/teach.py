"""``lecun89 teach``."""

from functools import partial
from typing import Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import DataUnavailableError, UsageError


def teach(
    variant: Annotated[
        str, typer.Option("--variant", metavar="NAME", help="The student: its distortions count.")
    ] = "record",
    data: options.Data = "full",
    device: options.Device = "auto",
    threads: options.Threads = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train the larger networks from whose answers `record` learns, and keep the answers.

    They see the same training digits and no others. What is there already is not done again: an
    interrupted command resumes where it was.
    """
    from lecun89 import devices
    from lecun89.cli.signals import stop_signals
    from lecun89.cores import parse_threads
    from lecun89.data import get_data, labels_path, load, read_labels
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    student = get_variant(variant).on(get_data(data).name)
    if not student.teacher:
        other = f": give --variant {variant}+teacher=yes" if student.distorts else ""
        raise UsageError(f"{variant} has no teacher on {data}{other}")
    most = parse_threads(threads) or 1
    directory = options.data_dir(data_dir, data, keep=True)
    path = labels_path(data, student.distortions, directory)
    try:
        read_labels(data, student, directory)
    except DataUnavailableError:
        chosen = devices.choose(device, step_size=64).device
        devices.set_up(chosen, most)
        from lecun89.teachers import session

        with stop_signals() as stop_signal:
            session.teach(
                student,
                load(data, "train", directory),
                directory,
                chosen,
                stop_signal=stop_signal,
                on_progress=partial(options.note, quiet=quiet),
            )
    if json:
        options.print_json({"data": data, "variant": student.name, "path": str(path)})
        return
    options.print_line(path)
