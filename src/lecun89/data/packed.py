"""Files that may be packed, read so that neither a bomb nor a pipe can hold anybody up."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lecun89.exceptions import DataFormatError, DataUnavailableError, FileFormatError, one_line
from lecun89.storage.files import read_limited
from lecun89.storage.recognise import advice, what_it_is

_XZ_MEMORY = 80 << 20  # what unpacking may take; a file can ask for 4 GiB, MNIST's for 65 MiB


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Xz:
    """`lzma.LZMAFile` with a limit of memory."""

    def __init__(self, content: bytes) -> None:
        self._packed = content
        self._unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        if self._unpacker.eof:
            return b""
        content = self._unpacker.decompress(self._packed, size)
        self._packed = b""
        if len(content) < size and not self._unpacker.eof:
            raise EOFError("the end of the stream is missing")
        return content


@contextmanager
def unpacking(path: Path, limit: int) -> Iterator[_Source]:
    """What is in a file, plain, ``.gz``, ``.bz2`` or ``.xz``, as a stream.

    Which of them is told by its first bytes: a download may have lost its ending, or have been
    unpacked and kept it.

    Args:
        path: the file.
        limit: most bytes of the file itself. How much is unpacked is up to the reader.

    Raises:
        DataFormatError: it is damaged, or of a form that is known not to be one of digits.
        DataUnavailableError: it is absent, unreadable, too large, or no regular file.
    """
    try:
        content = read_limited(path, limit)
    except FileFormatError as error:
        raise DataUnavailableError(str(error)) from error
    try:
        source: _Source = io.BytesIO(content)
        if content.startswith(b"\x1f\x8b"):
            source = gzip.GzipFile(fileobj=io.BytesIO(content))
        elif content.startswith(b"BZh"):
            source = bz2.BZ2File(io.BytesIO(content))
        elif content.startswith(b"\xfd7zXZ"):
            source = _Xz(content)
        elif content and (what := what_it_is(content)) is not None:
            then = f": {hint}" if (hint := advice(what)) else ""
            raise DataFormatError(f"{path} is {what}, not a file of digits{then}")
        yield source
    # OSError is how gzip and bz2 say it.
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise DataFormatError(f"{path} is cut short or damaged: {one_line(error)}") from error
