"""Safetensors files of this package: arrays, a header, and a digest over both.

The header is one JSON document under one key of the file's metadata, because the format does
not keep the order of several. The digest makes a flipped byte an error instead of a result.
"""

import hashlib
import json
import operator
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lecun89.exceptions import (
    DataUnavailableError,
    FileFormatError,
    one_line,
    printable,
    shortened,
)
from lecun89.storage.files import read_limited, replacing
from lecun89.storage.recognise import advice, what_it_is

Arrays = dict[str, npt.NDArray[Any]]

FORMAT_VERSION = 1
_KEY = "lecun89"
_MAX_HEADER = 128 << 10  # that of a teacher takes 15 kB; larger ones take long to parse
_LIBRARY_ERRORS = (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError)


def write(path: Path, kind: str, arrays: Arrays, header: dict[str, Any]) -> None:
    """Write arrays and a header, whole or not at all.

    Args:
        path: where to.
        kind: what the file holds; `read` asks for the same.
        arrays: C-contiguous, little-endian.
        header: anything JSON can hold, not using the keys kind, format_version and digest.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    header = {"kind": kind, "format_version": FORMAT_VERSION, **header}
    header["digest"] = _digest(arrays, header)
    content = save(arrays, metadata={_KEY: json.dumps(header, allow_nan=False)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read(path: Path, kind: str, *, limit: int) -> tuple[Arrays, dict[str, Any]]:
    """Read the arrays and the header of a file that `write` wrote.

    Args:
        path: where from.
        kind: what the file must hold.
        limit: largest size to accept, in bytes.

    Raises:
        FileFormatError: the file is absent, too large, damaged, of another kind, or of a
            version that this one does not know.
    """
    content = read_limited(path, limit)
    header = _header(path, content)
    if header.get("kind") != kind:
        raise FileFormatError(f"{path} holds {_quoted(header.get('kind'))}, not {kind}")
    version = header.get("format_version")
    if version != FORMAT_VERSION:
        raise FileFormatError(
            f"{path} has format version {_quoted(version)}, this lecun89 reads {FORMAT_VERSION}: "
            "upgrade lecun89"
        )
    digest = header.pop("digest", None)
    try:
        arrays = load(content)
        right = _digest(arrays, header)
    except _LIBRARY_ERRORS as error:
        raise FileFormatError(f"{path} is damaged: {one_line(error)}") from error
    if digest != right:
        raise FileFormatError(f"{path} is damaged: its digest does not match its content")
    return arrays, header


def is_foreign(content: bytes) -> bool:
    """Whether a file is sound safetensors of another program: one of ours, if damaged, is not."""
    size = int.from_bytes(content[:8], "little")
    if size > min(_MAX_HEADER, len(content) - 8):
        return False
    try:
        said = json.loads(content[8 : 8 + size]).get("__metadata__", {})
        # A changed byte can spoil our key or what lies under it, not both.
        return not any(key == _KEY or '"format_version"' in text for key, text in said.items())
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False


def refuse_foreign(path: Path, kind: str) -> None:
    """Refuse to replace what `write` did not write, in a data directory.

    Ours is what begins as files of this kind do, but for two bytes, because damage may be anywhere.
    What is empty is nobody's.

    Raises:
        DataUnavailableError: something else is there.
    """
    try:
        regular = stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # nothing is there
        return
    header = json.dumps({"kind": kind}).removesuffix("}")
    ours = json.dumps({"__metadata__": {_KEY: header}}, separators=(",", ":"))[:-3].encode()
    start = b""
    if regular:
        with suppress(OSError), path.open("rb") as file:
            start = file.read(8 + len(ours))  # after the header's size
            if not start:
                return
    if sum(map(operator.eq, start[8:], ours)) < len(ours) - 2:
        raise DataUnavailableError(
            f"cannot write the {kind} to {path}: it is there, and not recognised as written by "
            "lecun89; move it away, or choose another directory with --data-dir"
        )


def check_arrays(arrays: Arrays, expected: Arrays) -> None:
    """Refuse arrays whose names, shapes or types are not those of `expected`.

    Raises:
        FileFormatError: naming the first that differs.
    """
    for name in sorted(arrays.keys() | expected.keys()):
        if name not in arrays or name not in expected:
            what = "missing" if name in expected else "unexpected"
            raise FileFormatError(f"{shortened(printable(name))} is {what}")
        found, right = arrays[name], expected[name]
        if found.shape != right.shape or found.dtype != right.dtype:
            raise FileFormatError(
                f"{name} is {found.dtype} {found.shape}, not {right.dtype} {right.shape}"
            )


def _header(path: Path, content: bytes) -> dict[str, Any]:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(_MAX_HEADER, len(content) - 8):
        what = what_it_is(content) or ""
        if hint := advice(what):  # a run out of somebody's repository
            raise FileFormatError(f"{path} is {what}: {hint}")
        raise FileFormatError(f"{path} is not a safetensors file, or is cut short")
    try:
        header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][_KEY])
    except (ValueError, KeyError, TypeError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise FileFormatError(f"{path} is not a file of lecun89, or its header is damaged")
    return header


def _quoted(value: object) -> str:
    return shortened(repr(value)) if isinstance(value, str | int | None) else "something else"


def _digest(arrays: Arrays, header: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
