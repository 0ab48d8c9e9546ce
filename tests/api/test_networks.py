"""Digits, published weights, evaluation, misses, and reading a digit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

import lecun89


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return lecun89.load_model("record")


def test_digits_are_arrays_and_a_torch_dataset() -> None:
    digits = lecun89.load_digits("1989")
    assert digits.train.images.shape == (7291, 16, 16)
    assert len(digits.validation) == 10_000
    image, label = digits.test.dataset()[0]
    assert image.shape == (1, 16, 16)
    assert int(label) == digits.test.labels[0]
    assert "7,291 train" in repr(digits)
    with pytest.raises(lecun89.Lecun89Error, match="unknown data '1990'"):
        lecun89.load_digits("1990")


def test_usps_must_be_prepared(tmp_path: Path) -> None:
    with pytest.raises(lecun89.Lecun89Error, match="lecun89 prepare --data usps"):
        _ = lecun89.load_digits("usps", data_dir=tmp_path).test


def test_published_weights_are_evaluated(network: nn.Module) -> None:
    digits = lecun89.load_digits("1989").test
    assert not network.training
    score = lecun89.evaluate(network, digits)
    assert (score.misses, score.total) == (14, 2007)
    missed = lecun89.misses(network, digits)
    assert len(missed) == 14
    assert missed.confusion.sum() == 2007
    assert missed.plot().width > 200
    assert "14 of 2,007" in repr(missed)
    with pytest.raises(lecun89.Lecun89Error, match="variant"):
        lecun89.evaluate(nn.Linear(2, 2), digits)


def test_saved_weights_are_loaded_again(tmp_path: Path) -> None:
    result = lecun89.train("base", batch_size=512, passes=1, progress=False)
    result.save(tmp_path / "base.safetensors")
    again = lecun89.load_model(tmp_path / "base.safetensors")
    for name, parameter in again.named_parameters():
        assert torch.equal(parameter, result.network.get_parameter(name))
    torch.save(result.network.state_dict(), tmp_path / "model.pt")
    upstream = lecun89.load_model(tmp_path / "model.pt", variant="base")
    assert torch.equal(upstream.get_parameter("H1w"), again.get_parameter("H1w"))


def test_a_digit_is_read_from_the_images_bytes_or_a_picture(network: nn.Module) -> None:
    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    for index in range(20):
        exact = lecun89.predict(network, digits.images[index])
        assert np.array_equal(exact.image, digits.images[index])
        assert np.array_equal(lecun89.predict(network, originals[index]).outputs, exact.outputs)
        assert int(exact) == exact.label == int(exact.outputs.argmax())
        first, second = sorted(exact.outputs)[::-1][:2]
        assert exact.margin == pytest.approx(first - second)


@pytest.mark.parametrize(("side", "inverted"), [(40, False), (200, True), (28, False)])
def test_digits_of_other_sizes_and_places_are_read_as_well(
    network: nn.Module, side: int, inverted: bool, tmp_path: Path
) -> None:
    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    misses = 0
    for index in range(100):
        digit = Image.fromarray(originals[index]).resize((side, side), Image.Resampling.BICUBIC)
        page = Image.new("L", (3 * side, 2 * side))
        page.paste(digit, (side + index % 7, index % 11))
        if inverted:
            page = Image.eval(page, lambda value: 255 - value)
        path = tmp_path / "digit.png"
        page.save(path)
        misses += lecun89.predict(network, path).label != digits.labels[index]
    assert misses <= 3


def test_colours_and_alpha_are_read(network: nn.Module, tmp_path: Path) -> None:
    for paper, ink in (("white", "navy"), ("black", "yellow"), ((0, 0, 0, 0), "darkred")):
        page = Image.new("RGBA", (200, 160), paper)
        ImageDraw.Draw(page).line([(100, 20), (96, 140)], fill=ink, width=14)
        assert lecun89.predict(network, page).label == 1
        if paper != (0, 0, 0, 0):
            assert lecun89.predict(network, np.asarray(page.convert("RGB"))).label == 1


@pytest.mark.parametrize(
    "image",
    [
        "missing.png",
        np.zeros((40, 40), np.uint8),
        np.zeros(5),
        np.full((16, 16), 2.0),
        np.full((30, 30), np.nan),
        object(),
    ],
)
def test_what_is_no_digit_is_refused(network: nn.Module, image: object) -> None:
    with pytest.raises(lecun89.Lecun89Error):
        lecun89.predict(network, image)
