"""The threshold for an error is that of validation digits."""

import math
from pathlib import Path

import numpy as np
import pytest

import lecun89
from lecun89.analysis.evaluation import examine
from lecun89.analysis.rejection import reject_for, rejection_curve, threshold_of, thresholds
from lecun89.exceptions import UsageError
from lecun89.network.modules import network_of, weights_in
from lecun89.network.published import PUBLISHED
from lecun89.network.weights import load_weights
from lecun89.reading.thresholds import published_as, threshold_for


def test_thresholds_are_those_of_the_fewest_rejections() -> None:
    rng = np.random.default_rng(3)
    outputs = rng.standard_normal((400, 10)).astype(np.float32)
    labels = rng.integers(0, 10, 400)
    labels[:330] = outputs[:330].argmax(axis=1)
    curve = rejection_curve(outputs, labels)
    found = thresholds(curve)
    assert found == sorted(found, key=lambda entry: entry[0])
    for error in (*np.linspace(0, 20, 41), 100.0):
        right = reject_for(curve, float(error)).threshold
        threshold = threshold_of(found, float(error))
        if right is None:
            assert threshold == math.inf
        elif threshold:
            assert threshold == right
        else:  # none is rejected
            assert right == curve.thresholds[-1]


def test_all_are_rejected_where_no_error_is_small_enough() -> None:
    outputs = np.eye(10, dtype=np.float32)[:4] * np.array([[4], [3], [2], [1]], np.float32)
    curve = rejection_curve(outputs, np.array([9, 1, 2, 3]))
    assert threshold_of(thresholds(curve), 1) == math.inf
    assert threshold_of(thresholds(curve), 25) == 0


@pytest.mark.parametrize("name", ["1989", "full"])
def test_the_published_ones_are_what_the_validation_digits_give(name: str) -> None:
    (one,) = (one for one in PUBLISHED if one.data == name)
    network = network_of(load_weights(one.path))
    examined = examine(network, lecun89.load_digits(name).validation)
    for error in (0.1, 0.3, 0.5, 1, 2):
        right = threshold_of(thresholds(examined.rejection_curve), error)
        assert threshold_of(one.thresholds, error) == pytest.approx(right, abs=0.02)


def test_each_published_network_has_its_own_and_copies_share_it() -> None:
    found = {one.data: threshold_of(one.thresholds, 0.2) for one in PUBLISHED}
    assert len({*found.values()}) == 3
    network = lecun89.load_model("record", data="usps")
    published = published_as(weights_in(network))
    assert published is not None
    assert published.data == "usps"
    network.outb.data += 1
    assert published_as(weights_in(network)) is None


def test_networks_of_our_own_read_the_validation_digits_of_their_data(data_dir: Path) -> None:
    weights = lecun89.train("base", passes=1, progress=False).weights
    some, fewer = (threshold_for(weights, error, data_dir) for error in (1, 5))
    assert some > fewer > 0
    digits = lecun89.load_digits("1989").validation
    examined = examine(network_of(weights), digits)
    ranked = np.sort(examined.outputs.astype(np.float64), axis=1)
    accepted = ranked[:, -1] - ranked[:, -2] >= some
    missed = examined.outputs.argmax(axis=1) != digits.labels
    assert 100 * missed[accepted].mean() <= 1
    assert threshold_for(weights, 100, data_dir) == 0
    with pytest.raises(UsageError, match="0 to 100"):
        threshold_for(weights, 101, data_dir)
