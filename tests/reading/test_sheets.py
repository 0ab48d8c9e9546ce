"""How much of whole sheets is found and read; benchmarks/read.py measures it."""

import sys

import numpy as np
import pytest
import torch

import lecun89
from lecun89.analysis.evaluation import outputs
from lecun89.reading.reading import read_picture
from tests.conftest import ROOT

pytest.importorskip("skimage", reason="the extra read")


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_digits_on_sheets_are_found_and_read(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import sheets

    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    network = lecun89.load_model("record", data="full")
    known = outputs(network, torch.tensor(digits.images[:, None])).numpy().argmax(axis=1)
    total = sheets.Count()
    for seed in range(count):
        indices = np.random.default_rng(seed).integers(len(originals), size=5).tolist()
        sheet = sheets.draw_sheet(originals, indices, seed, sheets.Style())
        reading = read_picture(
            network, sheet.image, threshold=0, reject_for=100, normalisation="mnist"
        )
        sheets.count_sheet(total, sheet, reading, digits.labels, known)
    assert total.found >= 0.99 * total.digits
    assert total.false <= 0.01 * total.digits
    assert total.ordered >= 0.95 * total.sheets
    assert total.misses <= 0.02 * total.found
