import numpy as np
import pytest

from lecun89.render.pictures import (
    CELL_HEIGHT,
    CELL_WIDTH,
    DIGIT,
    HEADER,
    HEADING,
    MARGIN,
    MOST_TILES,
    ZOOM,
    Band,
    Tile,
    confusion_picture,
    contact_sheet,
    digit_picture,
    sheet_columns,
)


def tile(seed: int) -> Tile:
    image = np.random.default_rng(seed).uniform(-1, 1, (16, 16)).astype(np.float32)
    return Tile(image, "5", "3", f"no. {seed}")


def test_each_digit_lies_in_its_cell_enlarged_without_blur() -> None:
    tiles = [tile(seed) for seed in range(20)]
    columns = sheet_columns(20)
    sheet = contact_sheet("title", "subtitle", [Band("", tiles)])
    rows = -(-20 // columns)
    assert sheet.width >= 2 * MARGIN + columns * CELL_WIDTH
    assert sheet.height == HEADER + rows * CELL_HEIGHT + MARGIN
    pixels = np.asarray(sheet)
    for number in (0, columns, 19):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * CELL_WIDTH + 1, HEADER + row * CELL_HEIGHT + 1
        found = pixels[y : y + DIGIT, x : x + DIGIT]
        grey = np.round((1 - tiles[number].image) * 127.5).astype(np.uint8)
        expected = grey.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
        assert (found == expected[:, :, None]).all()


def test_captions_are_under_the_digit_and_nothing_is_cut() -> None:
    sheet = np.asarray(contact_sheet("title", "subtitle", [Band("", [tile(0)])])).astype(int)
    below = sheet[HEADER + DIGIT + 3 : HEADER + CELL_HEIGHT, MARGIN : MARGIN + CELL_WIDTH]
    red = (below[:, :, 0] > 150) & (below[:, :, 1] < 90)
    black = below.max(axis=2) < 90
    assert red.sum() > 10  # the prediction
    assert black.sum() > 10  # the label
    assert np.flatnonzero(black.any(axis=0))[0] < np.flatnonzero(red.any(axis=0))[0]
    title = sheet[:HEADER, MARGIN:]
    assert (title.max(axis=2) < 90).any()
    border = np.concatenate([sheet[:8].reshape(-1, 3), sheet[:, :8].reshape(-1, 3)])
    assert (border == 255).all()
    assert (sheet[-8:] == 255).all()
    assert (sheet[:, -8:] == 255).all()


def test_bands_lie_under_each_other() -> None:
    bands = [
        Band("fixed: 2", [tile(0), tile(1)]),
        Band("broken: 0", []),
        Band("both: 1", [tile(2)]),
    ]
    sheet = contact_sheet("title", "subtitle", bands)
    assert sheet.height == HEADER + 3 * HEADING + 2 * CELL_HEIGHT + MARGIN
    assert contact_sheet("no digit is missed", "", [Band("", [])]).height == HEADER + MARGIN


def test_a_long_title_widens_the_sheet() -> None:
    sheet = np.asarray(contact_sheet("w" * 150, "", [Band("", [tile(0)])]))
    assert (sheet[:, -8:] == 255).all()
    assert sheet.shape[1] > 1500


def test_a_sheet_stays_of_a_size_that_viewers_open() -> None:
    sheet = contact_sheet("t", "s", [Band("", [tile(0)] * (MOST_TILES + 500))])
    assert sheet.height == HEADER + -(-MOST_TILES // 16) * CELL_HEIGHT + MARGIN


@pytest.mark.parametrize(("value", "grey"), [(-1.0, 255), (1.0, 0), (1.1, 0)])
def test_ink_is_dark_on_light(value: float, grey: int) -> None:
    picture = digit_picture(np.full((16, 16), value, np.float32), zoom=2)
    assert picture.size == (32, 32)
    assert set(np.asarray(picture).ravel()) == {grey}


def test_the_most_frequent_confusion_is_the_reddest() -> None:
    confusion = np.diag(np.full(10, 100))
    confusion[4, 9], confusion[2, 7] = 6, 3
    pixels = np.asarray(confusion_picture("title", "subtitle", confusion)).astype(int)
    left, top, cell = 88, 118, 52

    def corner(row: int, column: int) -> int:
        red, green, _ = pixels[top + row * cell + 4, left + column * cell + 4]
        return int(red - green)

    assert corner(4, 9) > corner(2, 7) > corner(9, 4) == 0
    assert corner(3, 3) < 0  # the diagonal is blue
