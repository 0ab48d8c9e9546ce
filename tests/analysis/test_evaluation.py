import numpy as np
import pytest
import torch

from lecun89.analysis.evaluation import evaluate, examine, outputs, score
from lecun89.data import Digits
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.modules import Network
from lecun89.variants import VARIANTS


def test_misses_are_counted_where_float32_would_lose_one() -> None:
    labels = torch.zeros(2007, dtype=torch.int64)
    out = torch.zeros(2007, 10)
    out[206:, 0] = 1
    out[:206, 1] = 1
    found = score(out, labels, VARIANTS["xent"])
    assert (found.misses, found.total) == (206, 2007)
    error = (out.argmax(1) != labels).float().mean()
    assert int(error.item() * 2007) == 205  # what the seeds' loops print


@pytest.mark.parametrize("name", ["base", "modern"])
def test_loss_is_the_splits_mean(name: str, splits: dict[str, Digits]) -> None:
    network = Network(VARIANTS[name], torch.Generator().manual_seed(3))
    digits = splits["test"]
    found = evaluate(network, digits)
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


def test_an_evaluation_tells_each_digits_misses(splits: dict[str, Digits]) -> None:
    digits = splits["test"]
    examined = examine(Network(VARIANTS["xent"], torch.Generator().manual_seed(3)), digits)
    assert sum(misses for _, misses, _ in examined.classes) == examined.score.misses
    assert [total for *_, total in examined.classes] == np.bincount(digits.labels).tolist()
    assert examined.rejection_curve.misses[-1] == examined.score.misses


def test_what_cannot_be_scored_is_refused(splits: dict[str, Digits]) -> None:
    with pytest.raises(UsageError, match="Sequential has no variant"):
        evaluate(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 10)), splits["test"])
    network = Network(VARIANTS["xent"], torch.Generator().manual_seed(3))
    with torch.no_grad():
        network.outb[0] = torch.inf
    with pytest.raises(FileFormatError, match="a loss that is not finite"):
        evaluate(network, splits["test"])
