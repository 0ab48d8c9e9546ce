"""`lecun89.train` and `lecun89.train_many`."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lecun89
from lecun89.training.runs import open_run
from tests.conftest import Result

QUICK: dict[str, Any] = {"batch_size": 512, "passes": 2, "progress": False}


def test_a_result_holds_what_the_command_line_prints(cli: Any) -> None:
    result = lecun89.train("xent", seed=3, lr=0.1, **QUICK)
    printed: Result = cli(
        *("train", "--variant", "xent", "--seed", 3, "--lr", 0.1, "--batch-size", 512),
        *("--passes", 2, "--json", "-q"),
    )
    found = printed.document["splits"]["test"]
    assert result.test.misses == found["misses"]
    assert result.test.loss == found["loss"]
    assert [after.number for after in result.history] == [1, 2]
    assert result.settings.origins["lr"] == "argument"
    assert not result.interrupted
    assert "xent on 1989, seed 3" in repr(result)
    assert "<table>" in result._repr_html_()


def test_nothing_is_written_unless_a_directory_is_given(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LECUN89_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = sorted(data_dir.rglob("*"))
    result = lecun89.train("base", **QUICK)
    lecun89.train_many("base", seeds=[1], **QUICK)
    found = lecun89.evaluate(result.network, lecun89.load_digits("1989").test)
    assert found.loss == pytest.approx(result.test.loss, rel=1e-5)
    assert abs(found.misses - result.test.misses) <= 1
    assert list(tmp_path.iterdir()) == []
    assert sorted(data_dir.rglob("*")) == before
    made = lecun89.train("base", run_dir=tmp_path / "runs", **QUICK)
    assert made.run is not None
    assert made.run.parent == tmp_path / "runs"
    run = open_run(made.run)
    assert run.settings == made.settings
    assert [after.test for after in run.read_metrics()] == [after.test for after in made.history]
    assert all(np.array_equal(run.read_weights().arrays[n], made.state[n]) for n in ("H1w", "outb"))


def test_values_of_a_variant_are_given_by_name() -> None:
    result = lecun89.train("modern", dropout=0.1, shift=0, activation="silu", **QUICK)
    assert result.settings.variant == "modern+activation=silu+dropout=0.1+shift=0"
    with pytest.raises(lecun89.Lecun89Error, match="did you mean 'dropout'"):
        lecun89.train("modern", drpout=0.1, **QUICK)
    with pytest.raises(lecun89.Lecun89Error, match="did you mean 'modern'"):
        lecun89.train("modrn", **QUICK)
    with pytest.raises(lecun89.Lecun89Error, match="neither a number nor full"):
        lecun89.train("modern", batch_size="all", passes=1)


def test_seeds_are_each_as_alone() -> None:
    results = lecun89.train_many("base", seeds=[5, 6, 7], **QUICK)
    assert [result.settings.seed for result in results] == [5, 6, 7]
    alone = lecun89.train("base", seed=6, **QUICK)
    assert results[1].test == alone.test
    errors = [result.test.error_percent for result in results]
    assert results.mean == pytest.approx(np.mean(errors))
    assert results.deviation == pytest.approx(np.std(errors, ddof=1))
    assert results.interval95 is not None
    low, high = results.interval95
    assert low < results.mean < high
    assert "3 seeds" in repr(results)
    assert lecun89.train_many("base", seeds=[5], **QUICK).interval95 is None


def test_divergence_is_an_error_of_the_family() -> None:
    with pytest.raises(lecun89.Lecun89Error, match="became non-finite"):
        lecun89.train("xent", lr=1e38, batch_size=64, passes=1, progress=False)
    with pytest.raises(lecun89.Lecun89Error, match="seed 2: .*became non-finite"):
        lecun89.train_many("xent", seeds=[2], lr=1e38, batch_size=64, passes=1, progress=False)


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C in the evaluation of the second pass."""
    from lecun89.engines.eager import EagerEngine

    scores, asked = EagerEngine.scores, 0

    def interrupted(engine: Any, split: str, *args: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            signal.raise_signal(signal.SIGINT)
        return scores(engine, split, *args)

    monkeypatch.setattr(EagerEngine, "scores", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("kept", [False, True])
def test_ctrl_c_leaves_what_is_trained(tmp_path: Path, kept: bool) -> None:
    whole = {"engine": "eager", "batch_size": 1024, "passes": 5, "progress": False}
    result = lecun89.train("base", **whole, run_dir=tmp_path if kept else None)
    assert result.interrupted
    assert [after.number for after in result.history] == [1]
    one = lecun89.train("base", **whole | {"passes": 1})
    assert result.test == one.test
    assert np.array_equal(result.weights.arrays["H1w"], one.weights.arrays["H1w"])


def test_torch_is_left_as_it_was() -> None:
    torch.set_num_threads(2)
    try:
        lecun89.train("base", engine="eager", batch_size="full", passes=1, progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_chart_of_a_result(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="installed without the extra plots")
    results = lecun89.train_many("base", seeds=[1, 2], **QUICK)
    for one in (results, results[0]):
        one.plot().savefig(tmp_path / "chart.png")
        assert (tmp_path / "chart.png").stat().st_size > 10_000
