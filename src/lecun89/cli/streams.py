"""stdout and stderr as they are: their encoding, and how wide the terminal is said to be."""

import codecs
import io
import os
import re
import sys
from pathlib import Path

# What a table, a bar or a curve may hold, each as wide in ASCII.
_ASCII = {
    **dict(zip("▁▂▃▄▅▆▇█▀", "_.:-=+*#'", strict=True)),
    **dict.fromkeys("─━╸╺╌┄–—−", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┡┩┠┨", "+"),
    **dict(zip("×·•…“”‘’µ°", "x..." + "\"\"''" + "uo", strict=True)),
    "±": "+-",
}
_HANDLER = "lecun89.ascii"


def set_up_streams() -> None:
    """Make stdout and stderr take any text, in ASCII where their encoding has no more.

    A width of 0 or of no number in the environment is taken away: it counts as not set.
    """
    codecs.register_error(_HANDLER, _in_ascii)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell; what is meant for it must not go elsewhere
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            encoding = "ascii" if _asks_for_ascii() and stream.isatty() else None
            stream.reconfigure(encoding=encoding, errors=_HANDLER)
    for name in ("COLUMNS", "LINES"):
        if not re.fullmatch(r"0*[1-9]\d{0,4}", os.environ.get(name, "1"), re.ASCII):
            del os.environ[name]


def _asks_for_ascii() -> bool:
    """Whether LC_ALL is C, for which Python chooses UTF-8 all the same, and nothing else is set."""
    encodings = {"PYTHONIOENCODING", "PYTHONUTF8"} & os.environ.keys()
    return os.name != "nt" and not encodings and os.environ.get("LC_ALL") in ("C", "POSIX")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    chars = error.object[error.start : error.end]
    return "".join(
        _ASCII.get(char) or char.encode("ascii", "backslashreplace").decode() for char in chars
    ), error.end
