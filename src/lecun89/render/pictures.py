"""Pictures drawn with Pillow: contact sheets of digits, and the confusion matrix."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

ZOOM = 4  # pixels on paper for each of the digit
DIGIT = 16 * ZOOM
CELL_WIDTH, CELL_HEIGHT = DIGIT + 20, DIGIT + 46
MARGIN = 24
HEADER = 68  # title and subtitle
HEADING = 34  # above a band
MOST_TILES = 1000  # more would make a picture that no viewer opens

INK, MUTED, WRONG, FRAME, PAPER = "#1a1a1a", "#767676", "#c4161c", "#c8c8c8", "#ffffff"


@dataclass(frozen=True)
class Tile:
    """One digit of a contact sheet.

    Attributes:
        image: (16, 16), -1 for the background to 1 for ink.
        label: what it is, set in black.
        wrong: what it was taken for, set in red; may be empty.
        note: in small grey letters under them.
    """

    image: npt.NDArray[np.float32]
    label: str
    wrong: str
    note: str


@dataclass(frozen=True)
class Band:
    """A part of a contact sheet under a heading of its own, which may be empty."""

    heading: str
    tiles: Sequence[Tile]


def contact_sheet(title: str, subtitle: str, bands: Sequence[Band]) -> Image.Image:
    """Digits in a grid, enlarged with nearest neighbour, captions under them.

    The grid of a band starts at (MARGIN, HEADER + what is above it), and its cells are
    CELL_WIDTH x CELL_HEIGHT. At most MOST_TILES of a band are drawn.
    """
    shown = [Band(band.heading, band.tiles[:MOST_TILES]) for band in bands]
    if any(len(band.tiles) > MOST_TILES for band in bands):
        subtitle += f"; the first {MOST_TILES:,} are shown"
    columns = sheet_columns(max((len(band.tiles) for band in shown), default=0))
    title_font, text_font = font(20), font(14)
    width = max(
        2 * MARGIN + columns * CELL_WIDTH,
        2 * MARGIN + math.ceil(title_font.getlength(title)),
        2 * MARGIN + math.ceil(text_font.getlength(subtitle)),
    )
    heights = [
        (HEADING if band.heading else 0) + math.ceil(len(band.tiles) / columns) * CELL_HEIGHT
        for band in shown
    ]
    sheet = Image.new("RGB", (width, HEADER + sum(heights) + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), title, INK, title_font)
    draw.text((MARGIN, 42), subtitle, MUTED, text_font)
    top = HEADER
    for band, height in zip(shown, heights, strict=True):
        if band.heading:
            draw.line((MARGIN, top + 2, width - MARGIN, top + 2), FRAME)
            draw.text((MARGIN, top + 9), band.heading, INK, font(15))
        start = top + (HEADING if band.heading else 0)
        for number, tile in enumerate(band.tiles):
            row, column = divmod(number, columns)
            _draw_tile(sheet, draw, tile, MARGIN + column * CELL_WIDTH, start + row * CELL_HEIGHT)
        top += height
    return sheet


def sheet_columns(tiles: int) -> int:
    """Columns of a sheet with that many digits: wider than high, at most 16."""
    return min(max(math.ceil(math.sqrt(2 * tiles)), 6), 16)


def digit_picture(image: npt.NDArray[np.float32], zoom: int = ZOOM) -> Image.Image:
    """A digit, dark on light, each pixel `zoom` pixels wide."""
    grey = np.clip(np.round((1 - image) * 127.5), 0, 255).astype(np.uint8)
    side = image.shape[0] * zoom
    return Image.fromarray(grey).resize((side, side), Image.Resampling.NEAREST)


def confusion_picture(title: str, subtitle: str, confusion: npt.NDArray[np.int64]) -> Image.Image:
    """The confusion matrix: labels in rows, predictions in columns, misses in red."""
    cell, left, top = 52, 88, 118
    size = cell * len(confusion)
    title_font, text_font = font(20), font(14)
    width = max(
        left + size + MARGIN,
        2 * MARGIN + math.ceil(title_font.getlength(title)),
        2 * MARGIN + math.ceil(text_font.getlength(subtitle)),
    )
    picture = Image.new("RGB", (width, top + size + MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, 16), title, INK, title_font)
    draw.text((MARGIN, 42), subtitle, MUTED, text_font)
    draw.text((left + size / 2, top - 40), "read as", MUTED, text_font, anchor="mm")
    draw.text((MARGIN + 12, top + size / 2), "digit", MUTED, text_font, anchor="mm")
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    most = max(int(wrong.max()), 1)
    for row in range(len(confusion)):
        draw.text((left - 16, top + (row + 0.5) * cell), str(row), INK, font(16), anchor="mm")
        draw.text((left + (row + 0.5) * cell, top - 14), str(row), INK, font(16), anchor="mm")
        for column in range(len(confusion)):
            count = int(confusion[row, column])
            x, y = left + column * cell, top + row * cell
            if row == column:
                colour, ink = "#e3eef7", INK
            else:
                share = wrong[row, column] / most
                colour = _mix("#ffffff", WRONG, 0.85 * share)
                ink = "#ffffff" if share > 0.55 else INK
            draw.rectangle((x, y, x + cell, y + cell), colour, FRAME)
            if count:
                draw.text((x + cell / 2, y + cell / 2), f"{count}", ink, font(15), anchor="mm")
    return picture


def _draw_tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, x: int, y: int) -> None:
    draw.rectangle((x, y, x + DIGIT + 1, y + DIGIT + 1), None, FRAME)
    sheet.paste(digit_picture(tile.image), (x + 1, y + 1))
    caption, link = font(16), " as " if tile.wrong else ""
    middle = x + (DIGIT + 2) / 2
    left = middle - caption.getlength(tile.label + link + tile.wrong) / 2
    baseline = y + DIGIT + 19
    for text, colour in ((tile.label, INK), (link, MUTED), (tile.wrong, WRONG)):
        draw.text((left, baseline), text, colour, caption, anchor="ls")
        left += caption.getlength(text)
    draw.text((middle, y + DIGIT + 35), tile.note, MUTED, font(12), anchor="ms")


def _mix(start: str, end: str, share: float) -> str:
    pairs = zip(_rgb(start), _rgb(end), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _rgb(colour: str) -> list[int]:
    return [int(colour[index : index + 2], 16) for index in (1, 3, 5)]


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow brings, of that many pixels."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found
