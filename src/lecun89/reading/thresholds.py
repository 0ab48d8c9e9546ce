"""Below which margin a network's readings are rejected, chosen on validation digits."""

import logging
from pathlib import Path

import numpy as np

from lecun89.data import default_data_dir, get_data, load_or_make
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.published import PUBLISHED, Published
from lecun89.network.weights import Weights, load_weights

_log = logging.getLogger(__name__)


def threshold_for(weights: Weights, error_percent: float, directory: Path | None = None) -> float:
    """The margin that keeps a network to an error on the digits it accepts.

    That of published weights is stored with them. Others read the validation digits of the data
    that they were trained on, or of ``1989`` where nothing says which.

    Args:
        weights: of the network.
        error_percent: 0 to 100; 100 rejects nothing.
        directory: the data directory, the usual one when left out; what is not prepared there is
            made, and not kept.

    Returns:
        0 where nothing is to be rejected, infinity where nothing can be accepted.

    Raises:
        UsageError: the error is out of range, or there is no such data set.
        DataUnavailableError: the validation digits could not be had.
        FileFormatError: the weights give no finite loss.
    """
    from lecun89.analysis.evaluation import examine
    from lecun89.analysis.rejection import threshold_of, thresholds
    from lecun89.network.modules import network_of

    if not 0 <= error_percent <= 100:
        raise UsageError(f"an error to reject for is 0 to 100 percent, not {error_percent:g}")
    if error_percent == 100:
        return 0.0
    published = published_as(weights)
    if published:
        return threshold_of(published.thresholds, error_percent)
    data = get_data(weights.data or "1989")
    if data.source == "usps" and not data.tunes:
        _log.warning(
            "warning: the validation digits of %s are among its training digits: the threshold "
            "is too low; train on usps-tune for one that holds",
            data.name,
        )
    digits = load_or_make(data.name, "validation", directory or default_data_dir())
    curve = examine(network_of(weights), digits).rejection_curve
    return threshold_of(thresholds(curve), error_percent)


def published_as(weights: Weights) -> Published | None:
    """The published weights that these are, if any."""
    for one in PUBLISHED:
        if (one.variant, one.data) == (weights.variant, weights.data):
            try:
                known = load_weights(one.path)
            except FileFormatError:
                return None
            if all(np.array_equal(known.arrays[name], of) for name, of in weights.arrays.items()):
                return one
    return None
