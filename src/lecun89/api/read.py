"""Reading the digits in a picture."""

from pathlib import Path
from typing import Any

from PIL import Image
from torch import nn

from lecun89.data.sets import normalisation_of
from lecun89.network.modules import network_of, weights_in
from lecun89.reading import reading
from lecun89.reading.thresholds import threshold_for
from lecun89.training.trained import open_trained


class Reading(reading.Reading):
    """The digits in a picture, as a network reads them; see `read`. `str()` of it is their text."""

    def plot(self) -> Image.Image:
        """The picture with a box around each digit and what it is read as."""
        from lecun89.render.readings import boxes_picture

        return boxes_picture(self)

    def _repr_png_(self) -> bytes | None:
        found: bytes | None = self.plot()._repr_png_()
        return found


def read(
    image: Any,
    network: str | Path | nn.Module = "record",
    *,
    data: str | None = None,
    reject_for: float = 1.0,
    single: bool = False,
    variant: str | None = None,
    runs_dir: str | Path = "runs",
    data_dir: str | Path | None = None,
) -> Reading:
    """Find the digits in a picture and read them (extra ``read``).

    >>> import lecun89, numpy as np
    >>> digits = lecun89.load_digits("1989").test.originals()
    >>> paper = np.full((60, 160), 230, np.uint8)
    >>> for place, digit in enumerate(digits[:4]):
    ...     paper[16:44, 20 + 32 * place : 48 + 32 * place] -= digit // 2
    >>> reading = lecun89.read(paper)
    >>> print(reading)
    4839
    >>> reading.digits[0].label, reading.digits[0].box
    (4, (25, 23, 45, 40))

    Args:
        image: a path, a PIL image, or an array (h, w) or (h, w, 3); dark on light or the reverse.
        network: published weights (``record``), a run, a weights file, or a network of
            `load_model`.
        data: the data set on which published weights were trained; ``full`` when left out. Of a
            network trained on ``usps`` the digits are normalised as the Postal Service's were.
        reject_for: the error in percent, on validation digits, for which doubtful digits are
            rejected; 100 rejects none.
        single: take the whole picture as one digit, as `predict` does, without scikit-image.
        variant: the network that a file of others belongs to.
        runs_dir: where runs are looked for by their names.
        data_dir: where the validation digits are; see `load_digits`.

    Returns:
        A `Reading`: ``text``, ``lines``, ``digits`` (each with label, accepted, margin, outputs,
        box, line, steps and image), and ``plot()``. It is empty where no digit is found.

    Raises:
        FileFormatError: the image's file is missing, no image, damaged, or has more than
            50 million pixels; or there is no such network.
        UsageError: what was given is no image, or a name is unknown.
        MissingExtraError: scikit-image is not installed.
        DataUnavailableError: a run's validation digits could not be had.
    """
    if isinstance(network, nn.Module):
        weights = weights_in(network)
    else:  # of those published, the ones that saw most digits read best
        weights = open_trained(str(network), Path(runs_dir), variant, data or "full").weights
        network = network_of(weights)
    found = reading.read_picture(
        network,
        image,
        threshold=threshold_for(weights, reject_for, Path(data_dir) if data_dir else None),
        reject_for=reject_for,
        normalisation=normalisation_of(weights.data),
        single=single,
    )
    return Reading(**vars(found))
