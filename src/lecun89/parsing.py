"""Numbers, switches, and a home in a path, as the command line and the environment write them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from lecun89.exceptions import UsageError, shortened

MOST_SEEDS = 10_000

_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off", "")

_FORMS = {
    # Not what Python takes besides: 1_000, digits of other scripts, spaces around.
    int: r"[+-]?\d{1,1000}",
    float: r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|nan|inf)",
}


def parse_number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    """A whole number or a number; of the latter, nan and inf, too, for ranges to refuse.

    Raises:
        UsageError: it is none; the message names it as `name`.
    """
    if not re.fullmatch(_FORMS[kind], text, re.ASCII | re.IGNORECASE):
        expected = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} {shortened(text)!r} is not {expected}")
    return kind(text)


def expand_home(name: str, text: str) -> str:
    """A path whose first part, ``~`` or ``~user``, is the home that a shell would put there.

    Raises:
        UsageError: nobody knows that home; the message names the path as `name`.
    """
    if not text.startswith("~"):
        return text
    user = re.split(r"[/\\]", text)[0].removeprefix("~")
    try:
        path = Path(text).expanduser()
    except (RuntimeError, ValueError):  # it is not known, or could not be a name
        path = Path(text)
    if path.is_absolute() and (user or os.environ.get("HOME") != ""):
        return str(path)
    reason = f"there is no user {shortened(user)}" if user else "HOME does not say what ~ is"
    shown = shortened(text)
    raise UsageError(f"{name} {shown!r}: {reason}; give the whole path, or ./{shown} for that name")


def parse_switch(name: str, text: str) -> bool:
    """Whether a variable of the environment switches something on, in any case.

    Raises:
        UsageError: it is none of the words for on and off; the message names it as `name`.
    """
    for words, is_on in ((_ON, True), (_OFF, False)):
        if text.lower() in words:
            return is_on
    raise UsageError(
        f"{name} {shortened(text)!r} is neither on nor off: give {', '.join(_ON)}, "
        f"or {', '.join(filter(None, _OFF))}"
    )


def check_seed(seed: int) -> None:
    """Refuse what no generator takes.

    Raises:
        UsageError: it is below 0, or above 2**32 - 1.
    """
    if not 0 <= seed < 2**32:
        raise UsageError(f"--seed {seed} is out of range: 0 to {2**32 - 1}")


def parse_seeds(text: str) -> list[int]:
    """Seeds from a list of numbers and ranges: ``0..9``, ``1,5,7``, ``0..4,1337``.

    Raises:
        UsageError: it is not such a list, or names a seed twice or out of range.
    """
    shown = shortened(text)
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*", part, re.ASCII)
        if match is None:
            raise UsageError(f"--seeds {shown!r} is not a list such as 0..9 or 1,5,7")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise UsageError(f"--seeds {part} is empty: the first number is above the last")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise UsageError(f"--seeds {shown!r} names more than {MOST_SEEDS:,} seeds")
        check_seed(last)
        seeds += range(first, last + 1)
    if len(seeds) != len(set(seeds)):
        raise UsageError(f"--seeds {shown!r} names a seed twice")
    return seeds


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Seeds as `parse_seeds` reads them."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 1 and list(seeds) == list(range(first, last + 1)):
        return f"{first}..{last}"
    return ",".join(map(str, seeds))
