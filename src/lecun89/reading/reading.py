"""What a network reads in a picture."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lecun89.analysis.rejection import margins_of
from lecun89.exceptions import FileFormatError
from lecun89.reading.find import Found, find_digits, whole_digit
from lecun89.reading.normalise import seen, steps_of
from lecun89.reading.pictures import open_picture

if TYPE_CHECKING:
    from torch import nn

REJECTED = "?"


@dataclass(frozen=True)
class ReadDigit:
    """One digit in a picture.

    Attributes:
        label: the digit with the largest output.
        accepted: whether its margin is at least the threshold.
        margin: the largest output less the second.
        outputs: (10,) float32.
        box: left, top, right, bottom in pixels of the upright picture; the last two exclusive.
        line: of text, 0 for the first.
        steps: what was done to it, in order, (h, w) bytes with 0 for the background: ``found``,
            its ink at the picture's scale, and what the normalisation makes of that, ``boxed``
            (28, 28) where it is MNIST's.
        image: (16, 16) float32 from -1 to 1, what the network saw.
    """

    label: int
    accepted: bool
    margin: float
    outputs: npt.NDArray[np.float32] = field(repr=False)
    box: tuple[int, int, int, int]
    line: int
    steps: dict[str, npt.NDArray[np.uint8]] = field(repr=False)
    image: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """The digits in a picture, as a network reads them; `str()` of it is their text.

    Attributes:
        digits: line by line, from left to right.
        picture: (h, w, 3) bytes, the upright picture on white.
        reject_for: the error in percent that the threshold was chosen for.
        threshold: of the margin: digits below are rejected. 0 rejects none, infinity all.
    """

    digits: tuple[ReadDigit, ...]
    picture: npt.NDArray[np.uint8] = field(repr=False)
    reject_for: float
    threshold: float

    @property
    def lines(self) -> tuple[str, ...]:
        """The text of each line, with ``?`` for a rejected digit."""
        texts: dict[int, str] = {}
        for digit in self.digits:
            read = str(digit.label) if digit.accepted else REJECTED
            texts[digit.line] = texts.get(digit.line, "") + read
        return tuple(texts[line] for line in sorted(texts))

    @property
    def text(self) -> str:
        """The lines, one below the other; empty where no digit was found."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        rejected = sum(not digit.accepted for digit in self.digits)
        return f"<{len(self.digits)} digits, {rejected} rejected: {' / '.join(self.lines)}>"


def read_picture(
    network: "nn.Module",
    image: Any,
    *,
    threshold: float,
    reject_for: float,
    normalisation: str,
    single: bool = False,
) -> Reading:
    """Find the digits in a picture and read them.

    Args:
        network: takes images (n, 1, 16, 16) float32 from -1 to 1 and gives outputs (n, 10).
        image: a path, a PIL image, or an array (h, w) or (h, w, 3).
        threshold: digits whose margin is less are rejected.
        reject_for: the error in percent that the threshold was chosen for.
        normalisation: of the network's digits, ``mnist`` or ``usps``.
        single: take the whole picture as one digit.

    Raises:
        FileFormatError: a file is missing, no image, damaged or too large; or the network's outputs
            are not finite.
        UsageError: what was given is no image.
        MissingExtraError: scikit-image is absent, and `single` is false.
    """
    import torch

    from lecun89.analysis.evaluation import outputs

    colours = open_picture(image)
    found = whole_digit(colours) if single else find_digits(colours)
    if not found:
        return Reading((), colours, reject_for, threshold)
    made = [steps_of(one.ink, normalisation) for one in found]
    images = seen(made)
    values = outputs(network, torch.tensor(images[:, None])).cpu().numpy()
    if not np.isfinite(values).all():
        raise FileFormatError("these weights give outputs that are not finite: they are of no use")
    digits = [
        _digit(one, {"found": one.ink} | steps, image, output, threshold)
        for one, steps, image, output in zip(found, made, images, values, strict=True)
    ]
    return Reading(tuple(digits), colours, reject_for, threshold)


def _digit(
    found: Found,
    steps: dict[str, npt.NDArray[np.uint8]],
    image: npt.NDArray[np.float32],
    outputs: npt.NDArray[np.float32],
    threshold: float,
) -> ReadDigit:
    margin = float(margins_of(outputs[None])[0])
    label = int(outputs.argmax())
    return ReadDigit(
        label, margin >= threshold, margin, outputs, found.box, found.line, steps, image
    )
