"""TensorBoard event files of a run (extra ``tensorboard``)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lecun89.exceptions import MissingExtraError
from lecun89.training import PassResult


def event_writer(directory: Path, first_pass: int) -> tuple[Callable[[PassResult], None], Any]:
    """A function that writes a pass's scalars, and the writer to close.

    Tags are those of the upstream scripts: ``loss/train``, ``error/test`` (in percent) and so on.

    Args:
        directory: for the event files.
        first_pass: events from this pass on, left by an interrupted run, are superseded.

    Raises:
        MissingExtraError: tensorboard is not installed, or fails when imported.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except Exception as error:  # a broken installation raises more than ImportError
        raise MissingExtraError(
            'writing event files needs the extra "tensorboard": '
            f'pip install "lecun89[tensorboard]" ({type(error).__name__}: '
            f"{' '.join(str(error).split())})"
        ) from error
    writer = SummaryWriter(str(directory), purge_step=first_pass)

    def write(result: PassResult) -> None:
        for split, score in (("train", result.train), ("test", result.test)):
            writer.add_scalar(f"loss/{split}", score.loss, result.number)
            writer.add_scalar(f"error/{split}", score.error_percent, result.number)
        writer.flush()

    return write, writer
