"""TensorBoard event files of a run (extra ``tensorboard``)."""

from typing import Any

from lecun89.exceptions import missing_extra
from lecun89.training.loop import PassResult


def summary_writer() -> Any:
    """PyTorch's SummaryWriter class.

    Raises:
        MissingExtraError: tensorboard is not installed, or fails when imported.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except Exception as error:
        raise missing_extra("writing event files", "tensorboard", error) from error
    return SummaryWriter


def write_events(writer: Any, result: PassResult) -> None:
    """Write a pass's scalars, under the upstream scripts' tags: loss/train, error/test, ..."""
    for split, score in (("train", result.train), ("test", result.test)):
        writer.add_scalar(f"loss/{split}", score.loss, result.number)
        writer.add_scalar(f"error/{split}", score.error_percent, result.number)
    writer.flush()
