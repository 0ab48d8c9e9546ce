"""The digits of a data set."""

from functools import cached_property
from pathlib import Path

from lecun89.data import Digits, default_data_dir, get_data, load_or_make


class DataSplits:
    """The three splits of a data set, each loaded when it is first used.

    Attributes:
        data: name of the data set.
        train: the training digits.
        validation: digits that no training sees and no result is reported on.
        test: the test digits.
    """

    def __init__(self, data: str, directory: Path) -> None:
        """See `load_digits`."""
        self.data = get_data(data).name
        self._directory = directory

    @cached_property
    def train(self) -> Digits:
        """The training digits."""
        return load_or_make(self.data, "train", self._directory)

    @cached_property
    def validation(self) -> Digits:
        """Digits that no training sees and no result is reported on."""
        return load_or_make(self.data, "validation", self._directory)

    @cached_property
    def test(self) -> Digits:
        """The test digits."""
        return load_or_make(self.data, "test", self._directory)

    def __repr__(self) -> str:
        totals = ", ".join(f"{n:,} {split}" for split, n in get_data(self.data).totals.items())
        return f"<digits of {self.data}: {totals}>"


def load_digits(data: str = "1989", *, data_dir: str | Path | None = None) -> DataSplits:
    """The digits of a data set, as the network sees them.

    >>> import lecun89
    >>> digits = lecun89.load_digits("1989")
    >>> digits.test.images.shape, digits.test.labels[:5].tolist()
    ((2007, 16, 16), [4, 8, 3, 9, 2])

    Nothing is written: what ``lecun89 prepare`` has not prepared is made from the MNIST in this
    package.

    Args:
        data: ``1989`` (7,291 / 2,007 digits drawn from MNIST), ``full`` (50,000 / 10,000) or
            ``usps`` (the zip codes themselves, which must be prepared first).
        data_dir: where prepared digits are; what ``LECUN89_DATA_DIR`` names, or the platform's
            cache, when left out.

    Returns:
        `DataSplits`; each split has ``images`` (n, 16, 16) float32 from -1, the background, to 1,
        and ``labels`` (n,) uint8, and ``dataset()`` gives it as a PyTorch data set.

    Raises:
        UsageError: there is no such data set.
        DataUnavailableError: when a split is used, and its digits could not be had.
    """
    return DataSplits(data, default_data_dir() if data_dir is None else Path(data_dir))
