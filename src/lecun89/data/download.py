"""Downloads, which are torchvision's."""

import contextlib
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lecun89.exceptions import DataUnavailableError, one_line

DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte


@contextlib.contextmanager
def downloaded(name: Literal["MNIST", "USPS"], advice: str) -> Iterator[Path]:
    """A directory with what torchvision downloads of a data set, for as long as it is looked at.

    Args:
        name: torchvision's class.
        advice: what to do when it cannot be had.

    Raises:
        DataUnavailableError: torchvision cannot be imported, or its mirrors did not deliver.
    """
    try:
        from torchvision.datasets import MNIST, USPS
    except Exception as error:  # a broken torchvision raises more than ImportError
        raise DataUnavailableError(
            f"cannot import torchvision, which downloads {name} ({one_line(error)}): {advice}"
        ) from error
    with tempfile.TemporaryDirectory(prefix="lecun89-") as directory:
        timeout = socket.getdefaulttimeout()
        socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                if name == "MNIST":
                    MNIST(directory, download=True)
                else:
                    USPS(directory, train=True, download=True)
                    USPS(directory, train=False, download=True)
        except Exception as error:  # mirrors fail in as many ways as there are networks
            raise DataUnavailableError(
                f"could not download {name} ({one_line(error)}): {advice}"
            ) from error
        finally:
            socket.setdefaulttimeout(timeout)
        yield Path(directory)
