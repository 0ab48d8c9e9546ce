"""Directories for pictures and tables, in which nothing but our own files is ever replaced.

A marker lists what a command wrote, which it may replace the next time; anything else stays, and
stands in the way of a file of the same name.
"""

import json
from collections.abc import Callable
from pathlib import Path

from lecun89.exceptions import UsageError
from lecun89.files import replacing, write_json

Writers = dict[str, Callable[[Path], object]]
"""What writes each file, by its name in the directory."""


def write_files(
    directory: Path,
    owner: str,
    files: Writers,
    *,
    force: bool = False,
    tidy: bool = False,
) -> list[Path]:
    """Write files into a directory, each whole or absent.

    Args:
        directory: made where it is missing.
        owner: the command that writes; each has a marker of its own.
        files: for each name, what writes it to a temporary path.
        force: replace files that the marker does not list, too.
        tidy: remove what the command wrote an earlier time and does not write now.

    Returns:
        Their paths, in the order given.

    Raises:
        UsageError: a file is in the way that the command did not write; nothing was written.
        OSError: the directory or a file cannot be written.
    """
    marker = directory / f".lecun89-{owner}.json"
    ours = _read_marker(marker)
    for name in files:
        path = directory / name
        if (path.exists() or path.is_symlink()) and name not in ours and not force:
            raise UsageError(
                f"{path} is there already and `lecun89 {owner}` did not write it: "
                "choose another directory with --out, or replace it with --force"
            )
    directory.mkdir(parents=True, exist_ok=True)
    # Claimed before they are written, so that a crash in between leaves nothing unclaimed.
    write_json(marker, sorted(ours | files.keys()))
    for name, write in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            write(temporary)
    if tidy:
        for name in ours - files.keys():
            (directory / name).unlink(missing_ok=True)
        write_json(marker, sorted(files))
    return [directory / name for name in files]


def _read_marker(marker: Path) -> set[str]:
    try:
        names = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    if not isinstance(names, list):
        return set()
    # A marker is no licence to remove files elsewhere.
    directory = marker.parent.resolve()
    return {
        name
        for name in names
        if isinstance(name, str) and (directory / name).resolve().is_relative_to(directory)
    }
