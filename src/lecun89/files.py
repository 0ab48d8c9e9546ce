"""Files that are whole or absent: written beside their place, synced, then renamed."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lecun89.exceptions import FileFormatError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the directory of `path` that becomes `path` when the block ends.

    The file is synced before the rename and its directory after it, so that a crash leaves
    either the old file or the new one. When the block raises, the old one stays untouched.
    """
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        os.close(handle)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        # A full disk has no name, and the temporary file's would say nothing to the user.
        error.filename = str(path)
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sweep(directory: Path) -> None:
    """Remove temporary files that a killed process left; nobody else may be writing there."""
    for path in directory.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content by `text`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Replace the file's content by a JSON document, whole or not at all."""
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def read_limited(path: Path, limit: int) -> bytes:
    """The file's bytes.

    Raises:
        FileFormatError: it is absent, no regular file, unreadable, or longer than `limit` bytes.
    """
    if path.is_dir():
        raise FileFormatError(f"{path} is a directory, not a file")
    if path.exists() and not path.is_file():
        raise FileFormatError(f"{path} is not a regular file")
    try:
        with path.open("rb") as source:
            content = source.read(limit + 1)
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > limit:
        raise FileFormatError(f"{path} is larger than {limit:,} bytes: not a file of this kind")
    return content


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows cannot open a directory
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
