import numpy as np
import torch

from lecun89.analysis.misses import find_misses
from lecun89.data import Digits
from lecun89.network.modules import make_network
from lecun89.render.errorreports import MissesReport, misses_sheet
from lecun89.render.pictures import CELL_HEIGHT, HEADER, MARGIN, sheet_columns
from lecun89.variants import VARIANTS


def test_the_sheet_of_a_module_shows_every_missed_digit(splits: dict[str, Digits]) -> None:
    digits = splits["test"]
    network = make_network(VARIANTS["xent"], torch.Generator().manual_seed(3))
    with torch.no_grad():
        dict(network.named_parameters())["outb"][4] = 100  # every digit is read as 4
    misses = find_misses(network, digits)
    missed = int((digits.labels != 4).sum())
    assert misses.score.misses == len(misses.missed) == missed
    few = Digits("1989", "test", *(of[:30] for of in (digits.images, digits.labels)),
                 digits.source_index[:30], "")  # fmt: skip
    found = find_misses(network, few)
    sheet = misses_sheet(found, few)
    rows = -(-len(found.missed) // sheet_columns(len(found.missed)))
    assert sheet.height == HEADER + rows * CELL_HEIGHT + MARGIN
    assert (np.asarray(sheet) < 90).any()
    first, *_ = MissesReport(found, few).lines(quiet=True)
    assert first == f"xent on 1989: {len(found.missed)} of 30 test digits missed, " + (
        f"{100 * len(found.missed) / 30:.2f}%"
    )
