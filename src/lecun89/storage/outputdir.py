"""Directories for pictures and tables, in which nothing but our own files is ever replaced.

A marker lists what a command wrote, which it may replace the next time; anything else stays, and
stands in the way of a file of the same name.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from lecun89.exceptions import FileFormatError, Lecun89Error, UsageError
from lecun89.storage.files import read_limited, refuse_special, replacing, write_json

Writers = dict[str, Callable[[Path], object]]
"""What writes each file, by its name in the directory."""

_MAX_MARKER = 4 << 20  # a name for each digit of the largest split


def refuse_links(path: Path, root: Path, kind: type[Lecun89Error] = UsageError) -> None:
    """Refuse to write into a directory to which a symbolic link below `root` leads.

    `root` and what is above it are what the user named, and may be links.

    Raises:
        Lecun89Error: of that kind; there is such a link.
    """
    while path != root and path != path.parent:
        if path.is_symlink():
            raise kind(f"{path} is a symbolic link, nothing is written through it: remove it")
        path = path.parent


_ADVICE = "choose another directory with --out, or replace it with --force"


def check_files(
    directory: Path,
    owner: str,
    names: Iterable[str],
    *,
    force: bool = False,
    within: Path | None = None,
    advice: str = _ADVICE,
) -> set[str]:
    """Refuse files that `write_files` would not write, before the work for them is done.

    Args:
        directory: as there, and so are the others.
        owner: see there.
        names: of the files.
        force: see there.
        within: see there.
        advice: see there.

    Returns:
        The names that the marker lists.

    Raises:
        UsageError: something is in the way that was not written so.
    """
    ours = _read_marker(_marker(directory, owner))
    for name in names:
        path = directory / name
        refuse_links(path.parent, within or directory)
        for parent in (directory, path.parent):
            if parent.exists() and not parent.is_dir():
                raise UsageError(f"{parent} is no directory: {advice}")
        if path.is_dir():
            raise UsageError(f"{path} is a directory: {advice}")
        refuse_special(path)
        if (path.exists() or path.is_symlink()) and name not in ours and not force:
            raise UsageError(f"{path} is there already and was not written for this: {advice}")
    return ours


def write_files(
    directory: Path,
    owner: str,
    files: Writers,
    *,
    force: bool = False,
    tidy: bool = False,
    within: Path | None = None,
    advice: str = _ADVICE,
) -> list[Path]:
    """Write files into a directory, each whole or absent.

    Args:
        directory: made where it is missing.
        owner: names the kind of files; each has a marker of its own.
        files: for each name, what writes it to a temporary path.
        force: replace files that the marker does not list, too.
        tidy: remove what was written an earlier time and is not written now.
        within: the run that `directory` is in, if it is in one: no link in it is followed.
        advice: what to do about a file in the way.

    Returns:
        Their paths, in the order given.

    Raises:
        UsageError: something is in the way that was not written so; nothing was written.
        OSError: the directory or a file cannot be written.
    """
    ours = check_files(directory, owner, files, force=force, within=within, advice=advice)
    marker = _marker(directory, owner)
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
            _remove(directory, name)
        write_json(marker, sorted(files))
    return [directory / name for name in files]


def _marker(directory: Path, owner: str) -> Path:
    return directory / f".lecun89-{owner}.json"


def _read_marker(marker: Path) -> set[str]:
    try:
        content = read_limited(marker, _MAX_MARKER)
        if content.count(b"[") + content.count(b"{") > 1:  # which takes long to parse
            return set()
        names = json.loads(content)
    except (FileFormatError, ValueError, RecursionError):
        return set()
    if not isinstance(names, list):
        return set()
    return {name for name in names if isinstance(name, str) and _is_inside(marker.parent, name)}


def _is_inside(directory: Path, name: str) -> bool:
    """Whether the name stays in the directory: a marker is no licence to touch files elsewhere."""
    try:
        return (directory / name).resolve().is_relative_to(directory.resolve())
    except (OSError, ValueError):
        return False


def _remove(directory: Path, name: str) -> None:
    path = directory / name
    if path.is_file() or path.is_symlink():
        path.unlink()
    folder = path.parent
    if folder == directory or folder.is_symlink() or not folder.is_dir():
        return
    if not any(folder.iterdir()):
        folder.rmdir()
