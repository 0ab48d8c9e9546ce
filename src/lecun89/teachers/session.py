"""Train the teachers of a data set, and keep what they say of it as a student distorts it."""

from collections.abc import Callable
from pathlib import Path

from lecun89.data import Digits, labels_directory, write_labels
from lecun89.exceptions import DataUnavailableError, InterruptedRunError
from lecun89.teachers.labelling import label
from lecun89.teachers.member import load_member, member_path, train_member
from lecun89.teachers.recipe import get_recipe
from lecun89.variants import Variant


def teach(
    student: Variant,
    digits: Digits,
    directory: Path,
    device: str,
    *,
    stop_signal: Callable[[], int | None] = lambda: None,
    on_progress: Callable[[str], None] = lambda text: None,
) -> None:
    """Train every teacher from where its file is, and write their labels.

    Args:
        student: the variant as it is trained on the data, whose distortions count.
        digits: of the training split.
        directory: the data directory.
        device: as PyTorch names it.
        stop_signal: the signal that asks to stop, if any.
        on_progress: told a line about each pass and some of the labelling.

    Raises:
        InterruptedRunError: a signal asked to stop; the teachers are kept.
        DataUnavailableError: the labels cannot be written.
    """
    recipe = get_recipe(digits.data)
    members = []
    for seed in range(1, recipe.members + 1):
        path = member_path(labels_directory(digits.data, directory), seed)
        for number, loss in train_member(recipe, digits, seed, path, device, stop_signal):
            on_progress(
                f"teacher {seed} of {recipe.members}: pass {number} of {recipe.passes}, "
                f"loss {loss:.4f}"
            )
        members.append(load_member(recipe, digits.sha256, seed, path))

    def check(variation: int, done: int) -> None:
        if (signum := stop_signal()) is not None:
            raise InterruptedRunError(signum, "interrupted: the teachers are kept")
        if variation % 10 == 0 and done == len(digits):
            on_progress(f"labelled {variation} of {recipe.variations} variations")

    labels = label(members, student, digits, recipe.variations, device, check)
    try:
        write_labels(labels, digits.data, directory)
    except OSError as error:
        raise DataUnavailableError(
            f"cannot write the labels to {directory}: {error.strerror}; "
            "choose another directory with --data-dir"
        ) from error
