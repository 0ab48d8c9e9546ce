import numpy as np
import pytest
import torch

from lecun89.analysis.misses import Comparison, compare, count_misses, find_misses
from lecun89.data import Digits
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.modules import network_of
from lecun89.network.weights import Weights


def always(*ranking: int) -> torch.nn.Module:
    """A network whose outputs are the same for every digit, falling in the order given."""
    arrays = {name: np.zeros(shape, np.float32) for name, shape in PARAMETER_SHAPES.items()}
    for place, digit in enumerate(ranking):
        arrays["outb"][digit] = 1 - 0.25 * place
    return network_of(Weights(arrays, "xent"))


@pytest.fixture
def few(splits: dict[str, Digits]) -> Digits:
    digits = splits["test"]
    labels = np.array([3, 5, 3, 0, 5, 9], np.uint8)
    return Digits("1989", "test", digits.images[:6], labels, digits.source_index[:6], "")


def test_a_known_network_gives_known_misses(few: Digits) -> None:
    found = find_misses(always(3, 5), few)
    assert (found.score.misses, found.score.total) == (4, 6)
    # Margin 1 against an output of 0, 0.25 against that of the 5s; equal ones in their order.
    listed = [(m.index, m.label, m.prediction, m.margin) for m in found.missed]
    assert listed == [(3, 0, 3, 1.0), (5, 9, 3, 1.0), (1, 5, 3, 0.25), (4, 5, 3, 0.25)]
    assert found.missed[0].source_index == few.source_index[3]
    assert found.missed[0].outputs == (0, 0, 0, 1, 0, 0.75, 0, 0, 0, 0)
    assert found.confusion.sum() == 6
    assert found.confusion[5, 3] == 2
    assert found.confused_pairs == [(5, 3, 2), (0, 3, 1), (9, 3, 1)]


def test_no_miss_is_a_result(few: Digits) -> None:
    only = Digits("1989", "test", few.images[[0, 2]], few.labels[[0, 2]], few.source_index[:2], "")
    found = find_misses(always(3), only)
    assert found.missed == ()
    assert found.confused_pairs == []
    assert found.score.misses == 0


def test_comparison_of_two_networks(few: Digits) -> None:
    first, second = find_misses(always(3), few), find_misses(always(5), few)
    found = compare(first, second)
    assert (found.fixed, found.broken, found.both) == ((1, 4), (0, 2), (3, 5))
    same = compare(first, first)
    assert (same.fixed, same.broken, same.p_value) == ((), (), 1.0)
    assert count_misses([first, second, first]) == {3: 3, 5: 3, 1: 2, 4: 2, 0: 1, 2: 1}


def test_the_comparison_tells_mcnemars_p() -> None:
    found = Comparison(tuple(range(10)), (100, 101), (200,))
    assert found.p_value == pytest.approx(2 * (1 + 12 + 66) / 4096)
