import numpy as np
import pytest
import torch

from lecun89.analysis.evaluation import outputs, outputs_of, score, score_outputs
from lecun89.data import Digits
from lecun89.network.modules import Network
from lecun89.network.weights import Weights
from lecun89.variants import VARIANTS


def test_misses_are_counted_where_float32_would_lose_one() -> None:
    labels = torch.zeros(2007, dtype=torch.int64)
    out = torch.zeros(2007, 10)
    out[206:, 0] = 1
    out[:206, 1] = 1
    found = score(out, labels, "cross_entropy")
    assert (found.misses, found.total) == (206, 2007)
    error = (out.argmax(1) != labels).float().mean()
    assert int(error.item() * 2007) == 205  # what the seeds' loops print


@pytest.mark.parametrize("name", ["base", "modern"])
def test_loss_is_the_splits_mean(name: str, splits: dict[str, Digits]) -> None:
    network = Network(VARIANTS[name], torch.Generator().manual_seed(3))
    digits = splits["test"]
    arrays = {key: value.detach().numpy() for key, value in network.named_parameters()}
    found = score_outputs(outputs_of(Weights(arrays, name), digits, "cpu"), digits, name)
    out = outputs(network, torch.from_numpy(digits.images.copy())[:, None]).double().numpy()
    rows = np.arange(len(digits))
    if name == "base":
        targets = np.full((len(digits), 10), -1.0)
        targets[rows, digits.labels] = 1
        expected = ((targets - out) ** 2).mean()
    else:
        logs = np.log(np.exp(out).sum(axis=1)) - out[rows, digits.labels]
        expected = logs.mean()
    assert found.loss == pytest.approx(expected, rel=1e-5)
    assert found.misses == int((out.argmax(axis=1) != digits.labels).sum())
