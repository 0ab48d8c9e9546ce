"""Sheets of paper with handwritten digits of a data set on them, as a camera may see them.

What is random about a sheet is in `Style`; a seed decides all of it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

from lecun89.data import Digits, read_originals
from lecun89.reading.reading import Reading

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, the last two exclusive."""

_PENS = [
    (25, 25, 30), (20, 30, 110), (30, 60, 170), (170, 25, 35), (20, 110, 50), (85, 85, 90),
    (90, 30, 120), (190, 90, 20),
]  # fmt: skip
_PAPERS = [(255, 255, 255), (250, 244, 228), (226, 224, 218), (255, 244, 168), (222, 234, 246)]
_CHALKS = [(245, 245, 240), (250, 235, 150), (190, 225, 250)]
_BOARDS = [(35, 60, 45), (30, 30, 34), (25, 35, 80)]
_RULES = [(120, 160, 210), (150, 150, 155), (210, 130, 140)]


@dataclass(frozen=True)
class Style:
    """The kind of sheets that are drawn; each probability is of a sheet.

    Attributes:
        digits: on each sheet.
        per_line: the most on a line.
        sizes: least and greatest height of the digits in pixels; uniform in its logarithm.
        slope: of the lines, the most in degrees, either way.
        turn: of each digit, the most in degrees.
        close: probability that neighbours nearly touch.
        ruled: probability of lines, a third of them a grid.
        dark: probability of light ink on a dark ground.
        mixed: probability that each digit has its own pen.
        shadow: probability of the edge of a shadow across it.
        edge: probability that the paper ends within the picture.
        quality: of JPEG, least and greatest.
    """

    digits: int = 5
    per_line: int = 5
    sizes: tuple[float, float] = (20, 200)
    slope: float = 4
    turn: float = 5
    close: float = 0.2
    ruled: float = 0.4
    dark: float = 0.12
    mixed: float = 0.25
    shadow: float = 0.3
    edge: float = 0.1
    quality: tuple[int, int] = (40, 95)


@dataclass(frozen=True)
class Sheet:
    """A sheet and what is on it.

    Attributes:
        jpeg: the file.
        boxes: of the ink of each digit, in the order of reading.
        indices: of the digits in what they were drawn from.
        rows: number of digits on each line.
        notes: what was drawn, for a look at those that fail.
    """

    jpeg: bytes = field(repr=False)
    boxes: tuple[Box, ...]
    indices: tuple[int, ...]
    rows: tuple[int, ...]
    notes: dict[str, object]

    @property
    def image(self) -> Image.Image:
        """The picture."""
        return Image.open(io.BytesIO(self.jpeg))


def draw_sheet(originals: Bytes, indices: Sequence[int], seed: int, style: Style) -> Sheet:
    """A sheet with these digits.

    Args:
        originals: (n, h, w), 0 for the background.
        indices: of the digits to draw, in the order of reading.
        seed: decides everything else.
        style: see there.
    """
    rng = np.random.default_rng(seed)
    size = float(np.exp(rng.uniform(*np.log(style.sizes))))
    slope = np.deg2rad(rng.uniform(-style.slope, style.slope))
    close = rng.random() < style.close
    pen = rng.uniform(-1, 1)  # thinner or thicker than the original
    inks = [
        _ink(originals[i], size * rng.uniform(0.88, 1.12), slope, pen, rng, style) for i in indices
    ]
    rows = [inks[at : at + style.per_line] for at in range(0, len(inks), style.per_line)]
    if len(rows) == 1 and len(inks) > 2 and rng.random() < 0.4:
        cut = int(rng.integers(1, len(inks)))
        rows = [inks[:cut], inks[cut:]]
    places = _places(rows, size, slope, close, rng)
    width, height, margin = _extent(rows, places, size, rng)
    alphas = np.zeros((height, width), np.float32)
    owner = np.full((height, width), -1, np.int16)
    boxes = []
    for number, (ink, (x, y)) in enumerate(
        zip([i for row in rows for i in row], places, strict=True)
    ):
        left, top = round(x + margin[0]), round(y + margin[1])
        view = np.s_[top : top + ink.shape[0], left : left + ink.shape[1]]
        owner[view][ink > alphas[view]] = number
        alphas[view] = np.maximum(alphas[view], ink)
        boxes.append((left, top, left + ink.shape[1], top + ink.shape[0]))
    notes: dict[str, object] = {"size": round(size), "slope": round(float(np.rad2deg(slope)), 1)}
    notes |= {"close": close, "pen": round(pen, 2)}
    picture = _light(_draw(alphas, owner, slope, size, rng, style, notes), rng, style, notes)
    quality = int(rng.integers(style.quality[0], style.quality[1] + 1))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return Sheet(
        file.getvalue(),
        tuple(boxes),
        tuple(indices),
        tuple(map(len, rows)),
        notes | {"quality": quality},
    )


def _ink(
    original: Bytes, size: float, slope: float, pen: float, rng: np.random.Generator, style: Style
) -> Floats:
    """Coverage (h, w) of a digit, cut to where there is any."""
    turn = slope + np.deg2rad(rng.uniform(-style.turn, style.turn))
    rows, columns = (np.flatnonzero((original > 32).any(axis=axis)) for axis in (1, 0))
    scale = size / max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    side = int(np.ceil(1.6 * size)) + 6
    middle = (columns.mean(), rows.mean())
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    centre = side / 2
    padded = np.pad(original, 8)  # what is outside must be background
    drawn = Image.fromarray(padded).convert("F").transform(
        (side, side),
        Image.Transform.AFFINE,
        (
            cos, sin, middle[0] + 8.5 - centre * (cos + sin),
            -sin, cos, middle[1] + 8.5 - centre * (cos - sin),
        ),
        Image.Resampling.BICUBIC,
    )  # fmt: skip
    ink = np.clip(np.asarray(drawn) / 255, 0, 1)
    sharp = np.exp(rng.uniform(0, np.log(max(1.0, scale / 1.5)))) if scale > 1.5 else 1.0
    if sharp > 1:  # a pen's edge is sharp where the original was small
        threshold = 0.42 - 0.12 * pen
        ink = np.clip((ink - threshold) * sharp + 0.5, 0, 1) * (ink > 0.02)
    there = ink > 0.25
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    cut: Floats = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return cut


def _places(
    rows: list[list[Floats]], size: float, slope: float, close: bool, rng: np.random.Generator
) -> list[tuple[float, float]]:
    places: list[tuple[float, float]] = []
    down = 0.0
    for row in rows:
        x = rng.uniform(0, size)
        for ink in row:
            middle = down + np.tan(slope) * x + rng.uniform(-0.08, 0.08) * size
            places.append((x, middle - ink.shape[0] / 2))
            gap = rng.uniform(0.05, 0.12) if close else rng.uniform(0.12, 0.9)
            x += ink.shape[1] + max(2.0, gap * size)
        down += size * rng.uniform(1.5, 2.2)
    return places


def _extent(
    rows: list[list[Floats]],
    places: list[tuple[float, float]],
    size: float,
    rng: np.random.Generator,
) -> tuple[int, int, tuple[float, float]]:
    inks = [ink for row in rows for ink in row]
    right = max(x + ink.shape[1] for (x, _), ink in zip(places, inks, strict=True))
    bottom = max(y + ink.shape[0] for (_, y), ink in zip(places, inks, strict=True))
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    around = [max(4.0, size * rng.uniform(0.3, 1.2)) for _ in range(4)]
    width, height = right - left + around[0] + around[2], bottom - top + around[1] + around[3]
    return int(width) + 2, int(height) + 2, (around[0] - left, around[1] - top)


def _draw(
    alphas: Floats,
    owner: npt.NDArray[np.int16],
    slope: float,
    size: float,
    rng: np.random.Generator,
    style: Style,
    notes: dict[str, object],
) -> Floats:
    """Paper, its lines, and the ink on it, (h, w, 3) from 0 to 255."""
    dark = rng.random() < style.dark
    papers, pens = (_BOARDS, _CHALKS) if dark else (_PAPERS, _PENS)
    paper = np.array(papers[rng.integers(len(papers))], np.float32)
    sheet = np.broadcast_to(paper, (*alphas.shape, 3)).copy()
    sheet += _smooth(rng, alphas.shape, 6)[:, :, None] * rng.uniform(0, 5)  # of the fibres
    notes["dark"] = dark
    if rng.random() < style.ruled:
        notes["ruled"] = _rule(sheet, slope, size, rng)
    mixed = rng.random() < style.mixed
    chosen = rng.integers(len(pens), size=owner.max() + 1 if mixed else 1)
    strength = rng.uniform(0.7, 1.0)
    colours = np.array(pens, np.float32)[chosen if mixed else chosen.repeat(owner.max() + 1)]
    alpha = (alphas * strength)[:, :, None]
    sheet = sheet * (1 - alpha) + colours[owner] * alpha
    notes["mixed"] = mixed
    if rng.random() < style.edge:
        notes["edge"] = _end(sheet, slope, size, owner, rng)
    return sheet


def _rule(sheet: Floats, slope: float, size: float, rng: np.random.Generator) -> str:
    height, width = sheet.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    spacing = size * rng.uniform(0.5, 2.2)
    thick = rng.uniform(1, max(1.3, size / 45))
    colour = np.array(_RULES[rng.integers(len(_RULES))], np.float32)
    alpha = rng.uniform(0.3, 0.8)
    grid = rng.random() < 0.33
    distances = [y * np.cos(slope) - x * np.sin(slope)]
    if grid:
        distances.append(x * np.cos(slope) + y * np.sin(slope))
    for distance in distances:
        off = np.abs((distance + rng.uniform(0, spacing)) % spacing - spacing / 2)
        cover = np.clip(thick / 2 - off + 0.5, 0, 1) * alpha
        sheet += (colour - sheet) * cover[:, :, None]
    return "grid" if grid else "lines"


def _end(
    sheet: Floats,
    slope: float,
    size: float,
    owner: npt.NDArray[np.int16],
    rng: np.random.Generator,
) -> str:
    """The paper ends at one side, on a table of another colour."""
    there = owner >= 0
    table = np.array([rng.uniform(40, 150) * f for f in (1.0, 0.85, 0.7)], np.float32)
    free = np.flatnonzero(there.any(axis=0))
    if rng.random() < 0.5:
        at = int(rng.uniform(0.2, 0.8) * max(0, free[0] - 3))
        sheet[:, :at] = table
        return "left"
    free = np.flatnonzero(there.any(axis=1))
    at = free[-1] + 3 + int(rng.uniform(0.2, 0.8) * max(0, len(sheet) - free[-1] - 3))
    sheet[at:] = table
    return "bottom"


def _light(
    sheet: Floats, rng: np.random.Generator, style: Style, notes: dict[str, object]
) -> Bytes:
    height, width = sheet.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
    light = 1 - fall * (1 + np.cos(angle) * x + np.sin(angle) * y) / 2
    if rng.random() < style.shadow:
        angle, at, soft = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5), rng.uniform(4, 25)
        edge = 1 / (1 + np.exp(-soft * (np.cos(angle) * x + np.sin(angle) * y - at)))
        light *= 1 - rng.uniform(0.15, 0.45) * edge
        notes["shadow"] = True
    noise = rng.uniform(0, 7)
    grain = rng.standard_normal(sheet.shape).astype(np.float32) * noise
    notes["noise"] = round(noise, 1)
    lit: Bytes = np.clip(sheet * light[:, :, None] + grain, 0, 255).astype(np.uint8)
    return lit


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> Floats:
    """Noise of about 1 whose grains are some pixels wide."""
    height, width = (max(2, side // cells) for side in shape)
    small = rng.standard_normal((height, width)).astype(np.float32)
    wide = Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(wide)


@dataclass
class Count:
    """What was found on sheets.

    Attributes:
        sheets: that were read.
        digits: on them.
        found: of these.
        false: found where there is none.
        misses: of those found.
        original_misses: of the same digits, normalised from the originals.
        ordered: sheets of which each digit was found, in its place and on its line.
    """

    sheets: int = 0
    digits: int = 0
    found: int = 0
    false: int = 0
    misses: int = 0
    original_misses: int = 0
    ordered: int = 0

    @property
    def rates(self) -> dict[str, float]:
        """In percent, and the factor between the errors."""
        return {
            "found_percent": 100 * self.found / self.digits,
            "false_percent": 100 * self.false / self.digits,
            "error_percent": 100 * self.misses / self.found,
            "original_error_percent": 100 * self.original_misses / self.found,
            "factor": self.misses / max(1, self.original_misses),
            "ordered_percent": 100 * self.ordered / self.sheets,
        }


def count_sheet(
    count: Count,
    sheet: Sheet,
    reading: Reading,
    labels: npt.NDArray[np.integer],
    known: npt.NDArray[np.integer],
) -> None:
    """Add a sheet to a count.

    Args:
        count: is added to.
        sheet: was read.
        reading: of it.
        labels: of all digits that sheets are drawn from.
        known: what the network reads them as, from the originals.
    """
    places = match(sheet.boxes, [digit.box for digit in reading.digits])
    pairs = [
        (index, reading.digits[place].label)
        for index, place in zip(sheet.indices, places, strict=True)
        if place is not None
    ]
    count.sheets += 1
    count.digits += len(places)
    count.found += len(pairs)
    count.false += len(reading.digits) - len({*places} - {None})
    count.misses += sum(read != int(labels[index]) for index, read in pairs)
    count.original_misses += sum(int(known[index] != labels[index]) for index, _ in pairs)
    rows = tuple(map(len, reading.lines))
    count.ordered += places == list(range(len(reading.digits))) and rows == sheet.rows


def originals_of(digits: Digits) -> Bytes:
    """Digits (n, h, w) before the data rule, as ink (16x16 of USPS)."""
    originals = read_originals(digits)
    if originals is not None:
        return originals
    ink: Bytes = np.rint((digits.images + 1) * 127.5).astype(np.uint8)
    return ink


def match(boxes: Sequence[Box], found: Sequence[Box]) -> list[int | None]:
    """For each box the place of the found one that overlaps by half of both together, if any."""
    places: list[int | None] = []
    for box in boxes:
        overlaps = [_overlap(box, other) for other in found]
        best = int(np.argmax(overlaps)) if overlaps else 0
        places.append(best if overlaps and overlaps[best] >= 0.5 else None)
    return places


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)
