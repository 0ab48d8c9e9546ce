"""Digits in a terminal: half blocks, two pixels in each character."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.style import Style
from rich.text import Text

from lecun89.render.console import can_show, make_console

WIDTH = 18  # columns of a digit with its gap
_BLOCKS, _ASCII = " ▄▀█", " .'#"  # no ink, below, above, both


def print_digits(images: Sequence[npt.NDArray[np.float32]], captions: Sequence[str]) -> None:
    """Print digits on stdout, as wide as the terminal; arguments as of `digit_rows`."""
    console = make_console()
    blocks = can_show(console, _BLOCKS)
    colour = blocks and console.color_system is not None and not console.no_color
    for line in digit_rows(images, captions, console.width, colour=colour, blocks=blocks):
        console.print(line, no_wrap=True, crop=True)


def digit_rows(
    images: Sequence[npt.NDArray[np.float32]],
    captions: Sequence[str],
    width: int,
    *,
    colour: bool,
    blocks: bool = True,
) -> list[Text]:
    """Lines that show digits (16, 16) in a grid as wide as fits.

    Args:
        images: the digits, -1 to 1.
        captions: one for each, set under it, at most 16 characters of it.
        width: columns of the terminal.
        colour: shades of grey; otherwise a pixel is there or not.
        blocks: whether half blocks can be shown; otherwise ASCII stands for them.
    """
    columns = max(width // WIDTH, 1)
    lines = []
    for start in range(0, len(images), columns):
        row = images[start : start + columns]
        for y in range(0, 16, 2):
            line = Text()
            for image in row:
                for upper, lower in zip(image[y], image[y + 1], strict=True):
                    line.append(*_pair(float(upper), float(lower), colour, blocks))
                line.append(" " * (WIDTH - 16))
            lines.append(line)
        caption = "".join(text[:16].ljust(WIDTH) for text in captions[start : start + columns])
        lines += [Text(caption.rstrip()), Text("")]
    return lines


def _pair(upper: float, lower: float, colour: bool, blocks: bool) -> tuple[str, Style | None]:
    """Two pixels, one above the other, as a character and its style."""
    if colour:
        greys = [round((value + 1) * 127.5) for value in (upper, lower)]
        over, under = (f"rgb({grey},{grey},{grey})" for grey in np.clip(greys, 0, 255))
        return "▀", Style(color=over, bgcolor=under)
    return (_BLOCKS if blocks else _ASCII)[(upper > 0) * 2 + (lower > 0)], None
