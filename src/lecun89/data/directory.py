"""Where digits are kept, and where they are prepared when they cannot be kept."""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import platformdirs

from lecun89.data.prepare import prepared_state
from lecun89.data.sets import get_data
from lecun89.exceptions import DataUnavailableError
from lecun89.parsing import expand_home

NOWHERE = Path(os.devnull, "lecun89")
"""The data directory of somebody without a home: nothing is in it, and nothing can be put there."""

_ADVICE = "name a data directory with --data-dir or LECUN89_DATA_DIR"
_log = logging.getLogger(__name__)


def default_data_dir() -> Path:
    """What ``LECUN89_DATA_DIR`` names, or the platform's cache directory for this package.

    It is `NOWHERE` when the variable is not set and the user has no home.

    Raises:
        UsageError: the variable has a ``~`` that stands for no known home.
    """
    if named := os.environ.get("LECUN89_DATA_DIR"):
        return Path(expand_home("LECUN89_DATA_DIR", named))
    home, cache = os.environ.get("HOME"), os.environ.get("XDG_CACHE_HOME", "").strip()
    if os.name == "posix" and home is not None and not Path(home).is_absolute() and not cache:
        return NOWHERE  # which versions of platformdirs take for a place below the root, or others
    try:
        path = platformdirs.user_cache_path("lecun89")
    except RuntimeError:  # so newer ones say that there is no home
        return NOWHERE
    return path if path.is_absolute() else NOWHERE


def why_not_kept(directory: Path) -> str | None:
    """Why no file can be kept in a directory, which need not be there yet; None when one can."""
    if directory == NOWHERE:
        return "neither HOME nor XDG_CACHE_HOME names a directory"
    for path in (directory, *directory.parents):
        try:
            path.stat()
        except OSError:  # it is not there, or one may not look
            continue
        if not path.is_dir():
            return f"{path} is no directory"
        return None if os.access(path, os.W_OK | os.X_OK) else f"{path} is not writable"
    return f"{directory} cannot be reached"


def usable_data_dir(names: Iterable[str], *, keep: bool = False) -> Path:
    """The default data directory, or a temporary one of this process where it is of no use.

    It is of use when files can be kept there, or all that is asked for is there already. The
    temporary one is the same at every call, and it is removed when the process ends.

    Args:
        names: of the data sets that will be loaded.
        keep: whether what will be made must outlast this process.

    Raises:
        DataUnavailableError: what must be kept cannot be, or there is no temporary directory.
        UsageError: there is no such data set.
    """
    directory = default_data_dir()
    reason = why_not_kept(directory)
    if reason is None:
        return directory
    absent = [name for name in names if prepared_state(name, directory) != "ready"]
    if not absent:
        return directory
    for name in absent:
        if keep or get_data(name).source == "usps":
            raise DataUnavailableError(f"nowhere to keep {name}: {reason}; {_ADVICE}")
    return _temporary_directory(reason)


@cache
def _temporary_directory(reason: str) -> Path:
    try:
        directory = tempfile.mkdtemp(prefix="lecun89-")
    except OSError as error:
        raise DataUnavailableError(
            f"nowhere to prepare digits: {reason}; {error.strerror}; {_ADVICE}"
        ) from error
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    _log.warning(
        "digits are prepared in a temporary directory: %s; to keep them, %s", reason, _ADVICE
    )
    return Path(directory)
