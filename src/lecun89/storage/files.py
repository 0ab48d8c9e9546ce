"""Files that are whole or absent: written beside their place, synced, then renamed.

Only regular files are ever replaced.
"""

import errno
import hashlib
import json
import math
import os
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lecun89.exceptions import FileFormatError, UsageError

_LEFT_SECONDS = 3600.0  # nothing that is being written is as old


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the directory of `path` that becomes `path` when the block ends.

    The file is synced before the rename and its directory after it, so that a crash leaves
    either the old file or the new one. When the block raises, the old one stays untouched. What
    a killed process left of such a file is removed when it is an hour old.

    Raises:
        UsageError: a pipe, a device or a socket is there.
    """
    refuse_special(path)
    # Short enough for a file system that has just room for the name itself.
    prefix = f".{path.name[:50]}."
    temporary = path.with_name(f"{prefix}{secrets.token_hex(4)}.tmp")
    renamed = False
    try:
        sweep(path.parent, prefix, older_than=_LEFT_SECONDS)
        temporary.open("xb").close()
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        renamed = True
        _sync_directory(path.parent)
    except OSError as error:
        # A full disk has no name, and the temporary file's would say nothing to the user.
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        if not renamed:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As `replacing`, but what is written for a pipe or a device goes into it, in one piece."""
    if not is_stream(path):
        with replacing(path) as temporary:
            yield temporary
        return
    with tempfile.TemporaryDirectory(prefix="lecun89-") as directory:
        temporary = Path(directory, path.name)
        yield temporary
        content = temporary.read_bytes()
    if is_stdout(path):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        path.write_bytes(content)


def is_stream(path: Path) -> bool:
    """Whether the path is a pipe, a character device, or this process's stdout."""
    with suppress(OSError, ValueError):
        mode = path.stat().st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or is_stdout(path)
    return False


def is_stdout(path: Path) -> bool:
    """Whether the path is a name of this process's stdout, such as /dev/stdout."""
    with suppress(OSError, ValueError):
        named = path.parts[1:2] in (("dev",), ("proc",))
        return named and os.path.samestat(path.stat(), os.fstat(1))
    return False


def refuse_special(path: Path) -> None:
    """Refuse a path at which something lies that can be neither replaced nor read as a file.

    Raises:
        UsageError: a pipe, a device or a socket is there.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # absent, or a link to nothing
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
        kind = kinds.get(stat.S_IFMT(mode), "device")
        raise UsageError(f"{path} is a {kind}, which is not replaced: choose another file")


def sweep(directory: Path, prefix: str = ".", *, older_than: float = -math.inf) -> None:
    """Remove temporary files that killed processes left.

    Args:
        directory: where they are.
        prefix: of their names.
        older_than: seconds since they were written; when left out, nobody may be writing there.
    """
    latest = time.time() - older_than
    with suppress(OSError):  # what cannot be removed does no harm
        for path in directory.iterdir():
            ours = path.name.startswith(prefix) and path.suffix == ".tmp"
            if ours and path.lstat().st_mtime < latest:
                path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content by `text`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def append_text(path: Path, text: str) -> None:
    """Add text to a file and sync it. A crash may leave a part of the text, at the end."""
    try:
        with path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)  # a full disk has no name
        raise


def write_json(path: Path, document: Any) -> None:
    """Replace the file's content by a JSON document, whole or not at all."""
    write_text(path, _as_text(document))


def sealed(document: dict[str, Any]) -> str:
    """A document as text that ends with its own SHA-256: written so, a changed byte is noticed."""
    text = _as_text(document)
    return _as_text({**document, "digest": hashlib.sha256(text.encode()).hexdigest()})


def unsealed(text: str, document: dict[str, Any]) -> dict[str, Any]:
    """What `sealed` was given, of its text and the document that this parses to.

    The text may have the line ends of Windows, which Git gives to text files there.

    Raises:
        ValueError: the digest does not match. KeyError: there is none.
    """
    content = {name: value for name, value in document.items() if name != "digest"}
    if "digest" not in document:
        raise KeyError("digest")
    if sealed(content) != text.replace("\r\n", "\n"):
        raise ValueError("its digest does not match its content")
    return content


def read_limited(path: Path, limit: int) -> bytes:
    """The file's bytes.

    Raises:
        FileFormatError: it is absent, no regular file, unreadable, or longer than `limit` bytes.
    """
    # A pipe would be waited for, for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_dir():
            raise FileFormatError(f"{path} is a directory, not a file")
        with os.fdopen(os.open(path, flags), "rb") as source:
            status = os.fstat(source.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileFormatError(f"{path} is not a regular file")
            content = source.read(min(status.st_size, limit) + 1)
            if len(content) > status.st_size:  # it has grown, or does not tell its size
                content += source.read(limit + 1 - len(content))
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # a name with a null byte
        raise FileFormatError(f"cannot read {path}: {error}") from error
    if len(content) > limit:
        raise FileFormatError(f"{path} is larger than {limit:,} bytes: not a file of this kind")
    return content


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows cannot open a directory
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do not know it
            raise
    finally:
        os.close(handle)


def _as_text(document: Any) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
