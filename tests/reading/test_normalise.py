"""Normalisation: as MNIST's digits, and as the Postal Service's."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

import lecun89
from lecun89.exceptions import UsageError
from lecun89.reading.normalise import as_mnist, as_usps, deskewed, normalise


def stroke(*points: tuple[int, int], size: tuple[int, int] = (120, 100), width: int = 9):
    image = Image.new("L", size)
    ImageDraw.Draw(image).line(points, fill=255, width=width)
    return np.asarray(image)


def test_mnists_own_digits_stay_as_they_are() -> None:
    originals = lecun89.load_digits("1989").test.originals()
    assert originals is not None
    same = [np.array_equal(as_mnist(one), one) for one in originals[:200]]
    assert np.mean(same) > 0.7  # others were rounded another way


def test_a_postal_digit_fills_the_image_and_keeps_its_aspect() -> None:
    for ink, (height, width) in (
        (stroke((20, 10), (20, 90)), (16, 2)),
        (stroke((10, 50), (110, 50)), (2, 16)),
    ):
        image = as_usps(ink)
        assert image.shape == (16, 16)
        assert image.dtype == np.float32
        down, across = np.nonzero(image > -0.9)
        assert np.ptp(down) + 1 == pytest.approx(height, abs=1)
        assert np.ptp(across) + 1 == pytest.approx(width, abs=1)
        assert down.min() + down.max() == pytest.approx(15, abs=1)
        assert across.min() + across.max() == pytest.approx(15, abs=1)
        assert image.max() == 1


@pytest.mark.parametrize("lean", [-40, -15, 0, 15, 40])
def test_a_slanted_digit_is_set_upright(lean: int) -> None:
    upright = deskewed(stroke((60 + lean, 10), (60 - lean, 90)))
    middles = (upright * np.arange(upright.shape[1])).sum(axis=1) / upright.sum(axis=1)
    assert np.ptp(middles[10:-10]) < 1.5


def test_nothing_drawn_is_refused() -> None:
    for made in (as_mnist, as_usps, deskewed):
        with pytest.raises(UsageError, match="blank"):
            made(np.zeros((30, 30), np.uint8))


def test_a_network_of_postal_digits_gets_postal_digits() -> None:
    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    network = lecun89.load_model("record", data="usps")
    read = [lecun89.predict(network, one).label for one in originals[:200]]
    assert (np.array(read) != digits.labels[:200]).sum() <= 6
    # As MNIST's are, it misses three times as many.
    seen = normalise(originals[0], "usps")
    assert np.array_equal(lecun89.predict(network, originals[0]).image, seen)
    assert not np.array_equal(seen, digits.images[0])


def test_every_weight_file_says_on_what_it_was_trained() -> None:
    assert lecun89.load_model("record", data="usps").data == "usps"
    assert lecun89.load_model("record").data == "1989"
    assert lecun89.train("base", passes=1, batch_size=512, progress=False).network.data == "1989"
