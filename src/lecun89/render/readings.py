"""What is read in a picture: a box around each digit, every step of it, a table."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from rich.table import Table

from lecun89.network.architecture import CLASSES
from lecun89.reading.reading import REJECTED, ReadDigit, Reading
from lecun89.render.lines import counted
from lecun89.render.pictures import FRAME, INK, MARGIN, MUTED, PAPER, WRONG, font
from lecun89.render.tables import plain_table
from lecun89.storage.outputdir import Writers

MOST_ROWS = 200  # of a strip; more would make a picture that no viewer opens

_LARGEST = 4000  # pixels, the longer side of a picture with boxes
_SHARES = (0.4, 0.3, 0.22)  # of a digit's height, its reading: the largest that covers nothing
_LEGIBLE = 56  # pixels, the height of digits that a picture is enlarged for
_ACCEPTED, _REJECTED = "#0b63b5", WRONG

CELL, COLUMN, TOP, ROW = 112, 140, 84, 156  # pixels of a step, to the next one, and to the first
_TITLES = {"found": "as found", "deskewed": "deskewed", "boxed": "in its box"}
_BAR, _BARS, _TEXT = 22, 84, 96  # width of a bar, height of the highest, width of the reading

Box = tuple[int, int, int, int]


def sign(digit: ReadDigit) -> str:
    """The digit as it is read, ``?`` when it is rejected."""
    return str(digit.label) if digit.accepted else REJECTED


def caption(digit: ReadDigit) -> str:
    """At most 16 characters: what is read and its margin, and a rejected digit's label."""
    if digit.accepted:
        return f"{digit.label}  {digit.margin:.3g}"
    return f"? ({digit.label})  {digit.margin:.3g}"


def summary(reading: Reading) -> str:
    """How many digits are found and rejected: ``10 digits, 2 rejected for 1% error``."""
    if not reading.digits:
        return "no digit is found"
    rejected = sum(not digit.accepted for digit in reading.digits)
    line = f"{counted(len(reading.digits), 'digit')}, {rejected or 'none'} rejected"
    line += f" for {reading.reject_for:g}% error"
    if 0 < reading.threshold < math.inf:
        line += f": margins below {reading.threshold:.3g}"
    return line


def readings_table(reading: Reading, title: str = "") -> Table:
    """Each digit with label, margin, outputs, and its box in pixels of the original."""
    rows = [
        [
            sign(digit),
            str(digit.label),
            f"{digit.margin:.2f}",
            *(f"{value:.1f}" for value in digit.outputs),
            ",".join(map(str, digit.box)),
        ]
        for digit in reading.digits
    ]
    columns = ["read", ">label", ">margin", *(f">{label}" for label in range(CLASSES)), ">box"]
    return plain_table(columns, rows, title)


def file_names(stem: str) -> tuple[str, str]:
    """Names of the picture with boxes and of the strip."""
    return f"{stem}.png", f"{stem}-strip.png"


def reading_files(reading: Reading, stem: str) -> Writers:
    """What writes each of `file_names`."""
    boxes, strip = file_names(stem)
    return {
        boxes: lambda path: boxes_picture(reading).save(path, format="PNG"),
        strip: lambda path: strip_picture(reading).save(path, format="PNG"),
    }


def boxes_picture(reading: Reading) -> Image.Image:
    """The upright original with a box around each digit and its reading beside it.

    A picture of small digits is enlarged so that the readings are legible, one that is too large
    for viewers is reduced.
    """
    picture, boxes = _scaled(reading)
    if not boxes:
        return picture
    draw = ImageDraw.Draw(picture)
    sizes = _line_heights(reading.digits, boxes)
    frames = [_grown(box, 2 * _stroke(size)) for box, size in zip(boxes, sizes, strict=True)]
    for share in _SHARES:
        letters = [font(min(max(round(size * share), 12), 96)) for size in sizes]
        tags = [_tag_size(of) for of in letters]
        places, covered = _places(frames, tags, picture.size)
        if not covered:
            break
    # White around them keeps them visible on any ground.
    for frame, place, size in zip(frames, places, sizes, strict=True):
        halo = math.ceil(_stroke(size) / 2)
        draw.rectangle(_grown(frame, halo), None, PAPER, width=halo)
        draw.rectangle(_grown(place, halo), PAPER)
    for frame, digit, size in zip(frames, reading.digits, sizes, strict=True):
        draw.rectangle(frame, None, _colour(digit), width=_stroke(size))
    for place, digit, of in zip(places, reading.digits, letters, strict=True):
        draw.rectangle(_grown(place, 0), _colour(digit))
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        draw.text(middle, sign(digit), PAPER, of, anchor="mm")
    return picture


def strip_picture(reading: Reading) -> Image.Image:
    """A row for each digit: every step from the picture to what the network sees, and its outputs.

    Steps are enlarged without smoothing; the first is at (MARGIN, TOP), the next one COLUMN to the
    right of it, the next digit ROW below. At most MOST_ROWS digits are shown.
    """
    digits = reading.digits[:MOST_ROWS]
    names = list(dict.fromkeys(name for digit in digits for name in digit.steps))
    titles = [_TITLES.get(name, name) for name in names]
    columns = [*titles, "as the network sees it"]
    bars = MARGIN + len(columns) * COLUMN + _TEXT
    title, heading, small = summary(reading), font(20), font(12)
    if len(digits) < len(reading.digits):
        title += f"; the first {MOST_ROWS} are shown"
    width = max(
        bars + CLASSES * _BAR + MARGIN,
        2 * MARGIN + math.ceil(heading.getlength(title)),
    )
    picture = Image.new("RGB", (width, TOP + len(digits) * ROW + MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, 16), title, INK, heading)
    most = max((float(np.abs(digit.outputs).max()) for digit in digits), default=1.0) or 1.0
    if digits:
        lefts = [MARGIN + number * COLUMN for number in range(len(columns) + 1)]
        for left, title in zip([*lefts, bars], [*columns, "read as", "outputs"], strict=True):
            draw.text((left, TOP - 14), title, MUTED, small, anchor="ls")
    for number, digit in enumerate(digits):
        top = TOP + number * ROW
        seen = np.clip(np.round((digit.image + 1) * 127.5), 0, 255).astype(np.uint8)
        for column, name in enumerate([*names, None]):
            step = seen if name is None else digit.steps.get(name)
            if step is not None:
                _draw_step(picture, draw, step, MARGIN + column * COLUMN, top)
        left = MARGIN + len(columns) * COLUMN
        draw.text((left, top + 50), sign(digit), _colour(digit), font(48), anchor="ls")
        if not digit.accepted:
            draw.text((left, top + 72), f"rejected {digit.label}", MUTED, small, anchor="ls")
        draw.text((left, top + 90), f"margin {digit.margin:.3g}", MUTED, small, anchor="ls")
        _draw_bars(draw, digit, most, bars, top)
    return picture


def _scaled(reading: Reading) -> tuple[Image.Image, list[Box]]:
    """The picture, neither too large nor with digits too small, and the boxes in it."""
    picture = Image.fromarray(reading.picture)
    longest = max(picture.size)
    boxes = [digit.box for digit in reading.digits]
    scale = min(1.0, _LARGEST / longest)
    if boxes:
        height = float(np.median([bottom - top for _, top, _, bottom in boxes]))
        wanted = math.ceil(_LEGIBLE / max(height, 1))
        if scale == 1 and wanted > 1:
            scale = float(max(1, min(wanted, _LARGEST // longest)))
    if scale == 1:
        return picture, boxes
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    scaled = [tuple(round(side * scale) for side in box) for box in boxes]
    return picture.resize(size, kind), scaled  # type: ignore[return-value,arg-type]


def _line_heights(digits: Sequence[ReadDigit], boxes: Sequence[Box]) -> list[float]:
    """For each digit the usual height of those in its line, so that their readings are alike."""
    heights: dict[int, list[int]] = {}
    for digit, box in zip(digits, boxes, strict=True):
        heights.setdefault(digit.line, []).append(box[3] - box[1])
    return [float(np.median(heights[digit.line])) for digit in digits]


def _stroke(size: float) -> int:
    return min(max(round(size / 32), 1), 6)


def _grown(box: Box, by: int) -> Box:
    return (box[0] - by, box[1] - by, box[2] + by - 1, box[3] + by - 1)


def _tag_size(letters: ImageFont.FreeTypeFont) -> tuple[int, int]:
    left, top, right, bottom = letters.getbbox("0", anchor="lt")
    around = round(letters.size / 2)
    return round(right - left) + around, round(bottom - top) + around


def _places(
    frames: Sequence[Box], tags: Sequence[tuple[int, int]], within: tuple[int, int]
) -> tuple[list[Box], int]:
    """Where the readings go: on the same side of all digits, but where that covers others.

    Returns:
        The places, and how many pixels of others they still cover.
    """
    options = [_around(frame, tag, within) for frame, tag in zip(frames, tags, strict=True)]
    taken = list(frames)
    totals = np.sum([[_covered(place, frames) for place in at] for at in options], axis=0)
    order = np.argsort(totals, kind="stable")
    chosen: list[Box] = []
    covered = 0
    for at in options:
        ranked = [at[side] for side in order]
        place = min(ranked, key=lambda place: _covered(place, taken))  # the first of equals
        covered += _covered(place, taken)
        taken.append(place)
        chosen.append(place)
    return chosen, covered


def _around(frame: Box, size: tuple[int, int], within: tuple[int, int]) -> list[Box]:
    """Places at a frame, within the picture: above, below, right, left, and at right corners."""
    (width, height), (left, top, right, bottom) = size, frame
    corners = [
        (left, top - height),
        (left, bottom + 1),
        (right + 1, top),
        (left - width, top),
        (right + 1 - width, top - height),
        (right + 1 - width, bottom + 1),
    ]
    places = []
    for x, y in corners:
        x = min(max(x, 0), max(within[0] - width, 0))
        y = min(max(y, 0), max(within[1] - height, 0))
        places.append((x, y, x + width, y + height))
    return places


def _covered(place: Box, taken: Sequence[Box]) -> int:
    """Pixels of others that a place covers."""
    left, top, right, bottom = np.asarray(taken).T
    across = np.minimum(right, place[2]) - np.maximum(left, place[0])
    down = np.minimum(bottom, place[3]) - np.maximum(top, place[1])
    return int((across.clip(0) * down.clip(0)).sum())


def _colour(digit: ReadDigit) -> str:
    return _ACCEPTED if digit.accepted else _REJECTED


def _draw_step(
    picture: Image.Image, draw: ImageDraw.ImageDraw, ink: npt.NDArray[np.uint8], x: int, y: int
) -> None:
    """A step in its cell, dark on light, as large as fits, its size under it."""
    height, width = ink.shape
    zoom = CELL / max(height, width)
    if zoom >= 1:
        zoom = int(zoom)
    size = tuple(max(1, round(side * zoom)) for side in (width, height))
    kind = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.BOX
    made = Image.fromarray(255 - ink).resize(size, kind)
    draw.rectangle((x - 1, y - 1, x + size[0], y + size[1]), None, FRAME)
    picture.paste(made, (x, y))
    draw.text((x, y + size[1] + 16), f"{width} x {height}", MUTED, font(11), anchor="ls")


def _draw_bars(draw: ImageDraw.ImageDraw, digit: ReadDigit, most: float, x: int, y: int) -> None:
    """The outputs, up from a line in the middle, or down; the largest in the reading's colour."""
    middle = y + _BARS // 2
    for label, value in enumerate(digit.outputs):
        left = x + label * _BAR
        end = middle - round(float(value) / most * (_BARS // 2))
        colour = _colour(digit) if label == digit.label else "#9a9a9a"
        draw.rectangle((left + 3, min(middle, end), left + _BAR - 4, max(middle, end)), colour)
        ink = INK if label == digit.label else MUTED
        draw.text((left + _BAR / 2, y + _BARS + 18), str(label), ink, font(12), anchor="ms")
    draw.line((x, middle, x + CLASSES * _BAR, middle), FRAME)
