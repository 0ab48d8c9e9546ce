from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from lecun89.reading.reading import ReadDigit, Reading
from lecun89.render.pictures import MARGIN
from lecun89.render.readings import (
    CELL,
    COLUMN,
    MOST_ROWS,
    ROW,
    TOP,
    boxes_picture,
    caption,
    readings_table,
    strip_picture,
)

BLUE, RED = (11, 99, 181), (196, 22, 28)
GROUNDS = [0, 90, 255]


def digit(
    label: int = 3,
    box: tuple[int, int, int, int] = (40, 40, 80, 100),
    *,
    accepted: bool = True,
    line: int = 0,
) -> ReadDigit:
    outputs = np.full(10, -0.5, np.float32)
    outputs[label] = 1
    ink = np.full((box[3] - box[1], box[2] - box[0]), 200, np.uint8)
    steps = {"found": ink, "boxed": np.eye(28, dtype=np.uint8) * 255}
    image = np.linspace(-1, 1, 256, dtype=np.float32).reshape(16, 16)
    return ReadDigit(label, accepted, 1.5, outputs, box, line, steps, image)


def reading(*digits: ReadDigit, shape: tuple[int, int] = (200, 300), ground: int = 255) -> Reading:
    return Reading(digits, np.full((*shape, 3), ground, np.uint8), 1.0, 0.25)


def of_colour(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (pixels == colour).all(axis=-1)


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_box_goes_around_each_digit_and_leaves_it_as_it_was(ground: int) -> None:
    digits = (digit(box=(40, 40, 80, 100)), digit(box=(160, 40, 200, 100), accepted=False))
    pixels = np.asarray(boxes_picture(reading(*digits, ground=ground)))
    assert pixels.shape == (200, 300, 3)
    for (left, top, right, bottom), colour in ((digits[0].box, BLUE), (digits[1].box, RED)):
        assert (pixels[top:bottom, left:right] == ground).all()
        around = of_colour(pixels[:, left - 20 : right + 20], colour)
        assert around[top - 12 : top, 20:-20].any(axis=0).all()
        assert around[bottom : bottom + 12, 20:-20].any(axis=0).all()
        assert around[top:bottom, :20].any(axis=1).all()
        assert around[top:bottom, -20:].any(axis=1).all()
    white = of_colour(pixels, (255, 255, 255))
    assert white.any()  # around the boxes, and in the readings


def test_readings_cover_no_digit_where_there_is_room() -> None:
    digits = [
        digit(
            (row * 4 + column) % 10,
            (30 + 70 * column, 30 + 90 * row, 70 + 70 * column, 90 + 90 * row),
            line=row,
        )
        for row in range(3)
        for column in range(4)
    ]
    pixels = np.asarray(boxes_picture(reading(*digits, shape=(300, 320), ground=90)))
    for one in digits:
        left, top, right, bottom = one.box
        assert (pixels[top:bottom, left:right] == 90).all()


@pytest.mark.parametrize("box", [(0, 0, 60, 60), (0, 0, 300, 200), (299, 199, 300, 200)])
def test_a_digit_at_the_edge_is_drawn(box: tuple[int, int, int, int]) -> None:
    pixels = np.asarray(boxes_picture(reading(digit(box=box))))
    assert of_colour(pixels, BLUE).sum() > 100  # at least the reading


def test_small_digits_are_enlarged_and_large_pictures_reduced() -> None:
    small = boxes_picture(reading(digit(box=(4, 4, 10, 14)), shape=(20, 30)))
    assert small.size == (180, 120)
    large = boxes_picture(reading(digit(box=(100, 100, 900, 1100)), shape=(6000, 8000)))
    assert large.size == (4000, 3000)
    assert boxes_picture(reading(shape=(10, 10))).size == (10, 10)


def test_the_strip_has_a_row_for_each_digit_with_every_step() -> None:
    digits = (digit(), digit(accepted=False))
    pixels = np.asarray(strip_picture(reading(*digits)))
    greys = np.round((1 - digit().image) * 127.5)
    for row, colour in ((TOP, BLUE), (TOP + ROW, RED)):
        left = MARGIN + 2 * COLUMN
        seen = pixels[row : row + CELL, left : left + CELL, 0]
        expected = greys.repeat(7, axis=0).repeat(7, axis=1)
        assert np.abs(seen - expected).max() <= 1
        boxed = pixels[row : row + CELL, left - COLUMN : left - COLUMN + CELL, 0]
        assert (boxed == 255 - 255 * np.eye(28).repeat(4, axis=0).repeat(4, axis=1)).all()
        found = pixels[row : row + 60, MARGIN : MARGIN + 40, 0]
        assert (found == 55).all()
        assert of_colour(pixels[row : row + ROW], colour).sum() > 100
    assert not of_colour(pixels[TOP : TOP + ROW], RED).any()
    assert (pixels[-8:] == 255).all()
    assert (pixels[:, -8:] == 255).all()


def test_a_strip_without_digits_and_one_with_too_many() -> None:
    assert strip_picture(reading()).height < 200
    most = strip_picture(reading(*[digit()] * MOST_ROWS))
    more = strip_picture(reading(*[digit()] * (MOST_ROWS + 50)))
    assert most.height == more.height


def test_steps_and_outputs_may_be_of_any_kind() -> None:
    odd = replace(
        digit(),
        outputs=np.zeros(10, np.float32),
        steps={"found": np.zeros((1, 900), np.uint8), "straightened": np.zeros((900, 1), np.uint8)},
    )
    assert strip_picture(reading(odd, digit(), replace(digit(), steps={}))).height > 400


def test_captions_are_short() -> None:
    assert caption(digit(7)) == "7  1.5"
    assert caption(digit(7, accepted=False)) == "? (7)  1.5"
    assert len(caption(replace(digit(7, accepted=False), margin=-1.23456e-5))) <= 16


def test_the_table_tells_label_margin_outputs_and_box() -> None:
    console = Console(width=200, file=StringIO())
    console.print(readings_table(reading(digit(7), digit(2, accepted=False))))
    shown = console.file.getvalue()
    assert "40,40,80,100" in shown
    assert "1.50" in shown
    assert "-0.5" in shown
    assert "?" in shown
