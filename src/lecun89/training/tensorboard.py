"""TensorBoard event files of a run (extra ``tensorboard``)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lecun89.exceptions import missing_extra
from lecun89.storage.outputdir import refuse_links
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


@contextmanager
def writing(
    run: Path, passes: int, *, wanted: bool = True
) -> Iterator[Callable[[PassResult], None]]:
    """Within the block, a function that writes a pass's scalars, under the upstream scripts' tags.

    Args:
        run: directory of the run.
        passes: that are done; events of later ones are purged.
        wanted: whether anything is written at all.
    """
    if not wanted:
        yield lambda result: None
        return
    events = run / "tensorboard"
    refuse_links(events, run)
    writer = summary_writer()(str(events), purge_step=passes + 1)

    def write(result: PassResult) -> None:
        for split, score in (("train", result.train), ("test", result.test)):
            writer.add_scalar(f"loss/{split}", score.loss, result.number)
            writer.add_scalar(f"error/{split}", score.error_percent, result.number)
        writer.flush()

    try:
        yield write
    finally:
        writer.close()


def write_all(run: Path, results: Sequence[PassResult]) -> None:
    """The events of a run that is at its end."""
    with writing(run, 0) as write:
        for result in results:
            write(result)
