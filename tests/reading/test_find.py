"""Finding digits: polarity, lines, rules, broken and touching strokes, and what is no digit."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from torch import nn

import lecun89
from lecun89.reading.reading import Reading, read_picture

pytest.importorskip("skimage", reason="the extra read")

Colours = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return lecun89.load_model("record", data="full")


def read(network: nn.Module, picture: object) -> Reading:
    return read_picture(network, picture, threshold=0, reject_for=100, normalisation="mnist")


def coverage(*places: tuple[str, int, int], size: int = 40, width: int = 400, height: int = 90):
    """Ink (height, width) of digits of 1989, each by its text, left and top; 28/20 as large."""
    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    net = lecun89.load_model("record", data="full")
    sure = [i for i in range(200) if lecun89.predict(net, originals[i]).margin > 3]
    ink = np.zeros((height, width), np.float32)
    for text, x, y in places:
        index = next(i for i in sure if digits.labels[i] == int(text))
        side = size * 28 // 20
        drawn = Image.fromarray(originals[index]).resize((side, side), Image.Resampling.BICUBIC)
        view = ink[y : y + side, x : x + side]
        np.maximum(view, np.asarray(drawn, np.float32)[: view.shape[0], : view.shape[1]], out=view)
    return ink / 255


ROW = [(text, 20 + 70 * place, 15) for place, text in enumerate("31470")]


def on_paper(ink: npt.NDArray[np.float32], paper=(235, 235, 230), pen=(30, 30, 40)) -> Colours:
    alpha = ink[:, :, None]
    mixed = np.array(paper) * (1 - alpha) + np.array(pen) * alpha
    return np.rint(mixed).astype(np.uint8)


@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        ((255, 255, 255), (0, 0, 0)),
        ((30, 30, 30), (240, 240, 240)),
        ((250, 240, 150), (200, 160, 40)),
        ((128, 128, 128), (190, 90, 110)),  # as light as the paper
        ((20, 40, 120), (250, 220, 80)),
        ((255, 255, 255), (150, 200, 255)),
    ],
)
def test_pens_and_papers(
    network: nn.Module, paper: tuple[int, int, int], pen: tuple[int, int, int]
) -> None:
    assert read(network, on_paper(coverage(*ROW), paper, pen)).text == "31470"


def test_a_box_is_where_the_ink_is(network: nn.Module) -> None:
    ink = coverage(("4", 100, 20))
    (digit,) = read(network, on_paper(ink)).digits
    down, across = np.nonzero(ink > 0.5)
    right = (across.min(), down.min(), across.max() + 1, down.max() + 1)
    assert np.abs(np.subtract(digit.box, right)).max() <= 1
    assert digit.steps["found"].shape == (
        digit.box[3] - digit.box[1],
        digit.box[2] - digit.box[0],
    )
    assert digit.steps["boxed"].shape == (28, 28)
    assert digit.image.shape == (16, 16)


def test_lines_are_read_from_the_top_even_when_they_slant(network: nn.Module) -> None:
    upper = [(text, 20 + 70 * n, 60 - 9 * n) for n, text in enumerate("31470")]
    lower = [(text, 30 + 70 * n, 140 - 9 * n) for n, text in enumerate("8621")]
    picture = on_paper(coverage(*lower, *upper, height=220))
    assert read(network, picture).lines == ("31470", "8621")


def test_shadows_and_uneven_light_do_no_harm(network: nn.Module) -> None:
    picture = on_paper(coverage(*ROW)).astype(np.float32)
    picture *= np.linspace(1, 0.4, 400)[None, :, None]
    picture[:, 150:] *= 0.6  # a sharp edge, through a digit
    assert read(network, picture.astype(np.uint8)).text == "31470"


@pytest.mark.parametrize("slope", [0, 0.03, -0.05])
@pytest.mark.parametrize("grid", [False, True])
def test_ruled_lines_are_taken_out(network: nn.Module, slope: float, grid: bool) -> None:
    sheet = Image.fromarray(on_paper(np.zeros((90, 400), np.float32)))
    draw = ImageDraw.Draw(sheet)
    for y in range(-20, 120, 22):
        draw.line([(0, y), (400, y + 400 * slope)], fill=(130, 150, 200), width=1)
    for x in range(5, 400, 22) if grid else ():
        draw.line([(x, 0), (x - 90 * slope, 90)], fill=(130, 150, 200), width=1)
    alpha = coverage(*ROW)[:, :, None]
    picture = np.asarray(sheet) * (1 - alpha) + np.array((30, 30, 40)) * alpha
    assert read(network, picture.astype(np.uint8)).text == "31470"


def test_broken_strokes_are_one_digit(network: nn.Module) -> None:
    ink = coverage(*ROW)
    ink[42:45] = 0
    assert read(network, on_paper(ink)).text == "31470"


def test_digits_that_nearly_touch_are_two(network: nn.Module) -> None:
    ink = coverage(("3", 40, 15), ("0", 120, 15))
    three = np.flatnonzero(ink[:, :110].any(axis=0))
    zero = np.flatnonzero((ink[:, 110:] > 0.2).any(axis=0)) + 110
    gap = zero[0] - three[-1] - 1
    close = np.concatenate((ink[:, : three[-1] + 3], ink[:, zero[0] :]), axis=1)
    assert gap > 2
    assert read(network, on_paper(close)).text == "30"


def test_digits_that_touch_are_cut_apart(network: nn.Module) -> None:
    ink = coverage(("3", 40, 15), ("4", 120, 15), ("1", 250, 15))
    middle = on_paper(ink)
    middle[34:37, 78:134] = 40  # a stroke between them
    assert len(read(network, middle).digits) == 3


def test_specks_dashes_and_frames_are_no_digits(network: nn.Module) -> None:
    picture = Image.fromarray(on_paper(coverage(*ROW, width=420)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((4, 4, 415, 86), outline=(40, 40, 40), width=2)
    draw.line([(372, 45), (392, 45)], fill=(30, 30, 40), width=3)
    for x in range(80, 360, 70):
        draw.ellipse((x, 70, x + 2, 72), fill=(30, 30, 40))
    draw.rectangle((0, 0, 420, 2), fill=(60, 40, 20))  # the table
    assert read(network, picture).text == "31470"


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (60, 60), (400, 300)])
@pytest.mark.parametrize("noise", [0, 5])
def test_what_holds_no_digit_gives_none(
    network: nn.Module, shape: tuple[int, int], noise: int
) -> None:
    rng = np.random.default_rng(0)
    picture = np.clip(200 + noise * rng.standard_normal(shape), 0, 255).astype(np.uint8)
    reading = read(network, picture)
    assert (reading.digits, reading.text, reading.lines) == ((), "", ())


def test_noise_alone_ends_soon(network: nn.Module) -> None:
    rng = np.random.default_rng(0)
    reading = read(network, rng.integers(0, 256, (900, 900, 3)).astype(np.uint8))
    assert reading.picture.shape == (900, 900, 3)


def test_large_pictures_are_read_with_boxes_in_their_own_pixels(network: nn.Module) -> None:
    picture = Image.fromarray(on_paper(coverage(*ROW))).resize((6000, 1350))
    reading = read(network, picture)
    assert reading.text == "31470"
    small = read(network, on_paper(coverage(*ROW)))
    for large, own in zip(reading.digits, small.digits, strict=True):
        assert np.abs(np.subtract(large.box, 15 * np.array(own.box))).max() <= 30


def test_rejected_digits_are_question_marks(network: nn.Module) -> None:
    picture = on_paper(coverage(*ROW))
    margins = sorted(digit.margin for digit in read(network, picture).digits)
    reading = read_picture(
        network, picture, threshold=margins[2], reject_for=0.1, normalisation="mnist"
    )
    assert reading.text.count("?") == 2
    assert sum(digit.accepted for digit in reading.digits) == 3
