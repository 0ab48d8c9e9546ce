"""Numbers as the command line, the environment and grids write them."""

import re

from lecun89.exceptions import UsageError, shortened

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
