"""The one maker of consoles, and whether what they write to can show a character."""

from rich.console import Console

_WIDTH = 80  # columns, where none are known


def make_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, as wide as the terminal."""
    console = Console(stderr=stderr)
    if console.width < 1:
        console.width = _WIDTH
    return console


def can_show(console: Console, text: str) -> bool:
    """Whether the console's encoding has all characters of a text."""
    try:
        text.encode(console.encoding)
    except UnicodeError:
        return False
    return True
