"""What the paper claims, measured: the arithmetic, and that the documents are what it gives."""

import csv
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecun89.analysis.rejection import rejection_curve
from tests.conftest import ROOT

pytest.importorskip("scipy")
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def claimed(name: str) -> Any:
    return import_module(f"claimed.{name}")


def test_permuted_and_turned_kernels_are_matched_back() -> None:
    random = np.random.default_rng(1)
    reference = random.standard_normal((12, 25))
    order, signs = random.permutation(12), random.choice([-1.0, 1.0], 12)
    kernels = reference[order] * signs[:, None] + 0.1 * random.standard_normal((12, 25))
    found, turned, correlations = claimed("kernels").match(kernels, reference)
    np.testing.assert_array_equal(order[found], np.arange(12))
    np.testing.assert_array_equal(turned, signs[found])
    assert correlations.min() > 0.97


def test_a_kernel_is_best_fitted_by_what_it_is() -> None:
    y, x = np.mgrid[:5, :5] - 2.0
    gauss = np.exp(-(x * x + y * y) / 2)
    along = x * np.cos(0.4) + (y - 0.2) * np.sin(0.4)
    off = (x * x + y * y - 2) * gauss
    kernels = [along * gauss, (x * x - 1) * gauss, off, -off, np.ones((5, 5))]
    fits = claimed("kernels").fits(np.stack([kernel.ravel() for kernel in kernels]))
    np.testing.assert_array_equal(fits.argmax(axis=1)[:4], [0, 1, 2, 3])
    assert (fits.max(axis=1)[:4] > 0.95).all()
    assert fits[4].max() < 1e-9
    assert claimed("kernels").counted(fits[None]).tolist() == [[1, 1, 1, 1]]


def test_chance_patterns_are_as_smooth() -> None:
    kernels = np.random.default_rng(2).standard_normal((3, 25)).cumsum(axis=1)
    other = claimed("kernels").as_smooth(kernels, 0)
    amplitudes = [abs(np.fft.fft2(some.reshape(3, 5, 5))) for some in (kernels, other)]
    np.testing.assert_allclose(*amplitudes, rtol=1e-9, atol=1e-9)
    assert abs(np.corrcoef(kernels, other)[:3, 3:].diagonal()).max() < 0.99


def rate(lr: float, *misses: int, by_pass: tuple[tuple[int, ...], ...] = ()) -> Any:
    return claimed("rates").Rate(lr, misses, by_pass)


def test_the_range_that_works_ends_where_a_rate_is_worse_or_a_seed_fails() -> None:
    rates = claimed("rates")
    of = [
        rate(1, 100, 100),  # works, but is beyond one that does not
        rate(2, 115, 115),
        rate(3, 108, 108),
        rate(4, 100, 98),
        rate(5, 100, 99),
        rate(6, 201, 1),  # a seed with more than 10% of errors
        rate(7, 100, 100),
    ]
    assert [one.lr for one in rates.working(of[:3])] == [1]
    assert [one.lr for one in rates.working(of)] == [3, 4, 5]
    assert rates.width(of) == pytest.approx(5 / 3)
    assert rates.width([rate(1, 900, 900)]) == 0


def test_passes_to_a_number_of_misses_and_seeds_that_diverged() -> None:
    rates = claimed("rates")
    keys = {"variant": "paper", "data": "usps", "passes": ""}
    rows = [
        keys | {"lr": "0.1", "seed": "0", "test_misses": "90", "by_pass": "130 102 90"},
        keys | {"lr": "0.1", "seed": "1", "test_misses": "", "by_pass": ""},
        keys | {"lr": "0.2", "seed": "1", "test_misses": "95", "by_pass": "99 101 95"},
        keys | {"lr": "0.2", "seed": "0", "test_misses": "99", "by_pass": "99 99 99"},
        keys | {"lr": "0.2", "seed": "2", "test_misses": "99", "by_pass": "99 99 99"},
    ]
    low, high = rates.by_rate(rows, "paper")
    assert low.misses == (90, 2007)
    assert low.failed == 1
    assert low.passes_to(102) == [2, np.inf]
    assert high.misses == (99, 95)  # seeds that both rates have, in the same order
    assert rates.rates(0.03)[0] == 0.003
    assert rates.rates(0.03)[-1] == 0.3


def test_settings_are_compared_seed_by_seed() -> None:
    comparing = claimed("comparing")
    keys = {"data": "usps", "lr": ""}
    rows = [
        keys | {"variant": variant, "seed": seed, "test_misses": misses}
        for variant, seed, misses in (
            *(("a", "1", "30"), ("a", "0", "10"), ("a", "2", "")),
            *(("b", "0", "11"), ("b", "1", "33"), ("b", "2", "50")),
        )
    ]
    one, two = (comparing.Setting("", name).errors(rows) for name in "ab")
    assert comparing.differences(two, one) == pytest.approx([100 / 2007, 300 / 2007])
    assert comparing.is_more([1.0, 1.1, 0.9])
    assert not comparing.is_more([-1.0, -1.1, -0.9])
    assert not comparing.is_more([1.0, -0.9, 0.1])


def test_a_threshold_rejects_the_digits_below_it() -> None:
    rejecting = claimed("rejecting")
    random = np.random.default_rng(3)
    outputs, labels = random.standard_normal((500, 10)), random.integers(0, 10, 500)
    outputs[np.arange(500), labels] += 2
    curve = rejection_curve(outputs, labels)
    ranked = np.sort(outputs, axis=1)
    accepted = ranked[:, -1] - ranked[:, -2] >= 0.7
    missed = accepted & (outputs.argmax(axis=1) != labels)
    assert rejecting.apply(curve, 0.7) == (500 - accepted.sum(), missed.sum())
    assert rejecting.apply(curve, None) == (500, 0)
    assert rejecting.apply(curve, 99.0) == (500, 0)
    errors = rejecting.errors_at(curve)
    most = ranked[:, -1] - ranked[:, -2]
    half_kept = np.argsort(-most)[:300]  # 40% rejected, the last of the grid
    wrong = (outputs.argmax(axis=1) != labels)[half_kept].sum()
    assert errors[-1] == pytest.approx(100 * wrong / 300)
    assert errors[0] == pytest.approx(100 * (outputs.argmax(axis=1) != labels).mean())


def test_trainings_go_on_where_they_were_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = claimed("training")
    trained: list[Any] = []

    def train(cells: list[Any], *_: object) -> list[tuple[Any, None]]:
        trained.extend(cells)
        return [(cell, None) for cell in cells]

    monkeypatch.setattr(training, "_train", train)
    path, other = tmp_path / "own.csv", tmp_path / "other.csv"
    cells = [training.Cell("base", "usps", seed, 0.5) for seed in range(5)]

    def run(to: Path, some: list[Any]) -> None:
        training.train(some, to, [other], ("more",), lambda *_: {}, tmp_path, workers=1)

    run(other, cells[4:])
    run(path, cells[:2])
    with path.open("a") as file:
        file.write("base,usps,0.5,,2,0.1")  # cut off
    run(path, cells)
    assert [cell.seed for cell in trained] == [4, 0, 1, 2, 3]
    with path.open(newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]
    assert [row["seed"] for row in training.read(path, other)] == ["0", "1", "2", "3", "4"]


def test_the_documents_are_what_the_results_give(tmp_path: Path) -> None:
    for name in ("docs/science.md", "src/lecun89/analysis/claims.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    document, claims = claimed("document"), claimed("claims").CLAIMS
    document.write(claims, RESULTS, tmp_path, draw=False)
    for name in ("docs/science.md", "src/lecun89/analysis/claims.json"):
        assert (tmp_path / name).read_text("utf-8") == (ROOT / name).read_text("utf-8")
    entries = json.loads((ROOT / "src/lecun89/analysis/claims.json").read_text("utf-8"))
    assert entries.keys() == {*claims, document.FOUR}
