import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecun89.data import Digits
from lecun89.exceptions import DivergedError, FileFormatError, InterruptedRunError, Lecun89Error
from lecun89.settings import Settings
from lecun89.training import checkpointing
from lecun89.training.loop import PassResult
from lecun89.training.runs import Run, create_run
from tests.alone import make_engine
from tests.conftest import QUICKEST


def train(run: Run, splits: dict[str, Digits], **more: Any) -> Iterator[PassResult]:
    for (outcome,) in checkpointing.train([run], make_engine(run.settings, splits).engine, **more):
        if isinstance(outcome, DivergedError):
            raise outcome
        yield outcome


@pytest.fixture
def make(
    settings: Callable[..., Settings], splits: dict[str, Digits], tmp_path: Path
) -> Callable[..., Run]:
    def make(**changes: object) -> Run:
        of = settings(**({"variant": "modern", "lr": 3e-4, "batch_size": 64} | changes))
        state = make_engine(of, splits).state()
        sha256 = {"train": splits["train"].sha256}
        return create_run(tmp_path / "runs", of, sha256, {}, state)

    return make


def test_an_interrupted_run_goes_on_to_the_same_files(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    whole, parts = make(), make()
    list(train(whole, splits))
    for _ in range(100):
        asked = iter([None, None, None, signal.SIGINT])
        try:
            list(train(parts, splits, stop_signal=lambda a=asked: next(a)))
        except InterruptedRunError as error:
            assert str(error).startswith("interrupted")
        else:
            pytest.fail("no signal was taken")
        if len(parts.read_metrics()) == 2:
            break
    assert parts.weights_path().read_bytes() == whole.weights_path().read_bytes()
    for found, right in zip(parts.read_metrics(), whole.read_metrics(), strict=True):
        assert (found.lr, found.train, found.test) == (right.lr, right.train, right.test)
    found_state, right_state = parts.load_state()[0], whole.load_state()[0]
    assert found_state.keys() == right_state.keys()
    assert all(np.array_equal(found_state[key], right_state[key]) for key in right_state)


def test_the_state_is_saved_within_a_pass(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    run = make()
    steps = []

    def look(position: object) -> None:
        steps.append(run.load_state()[1].step)

    list(train(run, splits, checkpoint_seconds=0.01, on_progress=look))
    assert any(step > 0 for step in steps)


def test_divergence_keeps_the_last_finite_state(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    run = make(lr=1e37)
    with pytest.raises(DivergedError):
        list(train(run, splits, checkpoint_seconds=1e-9))
    state, _ = run.load_state()
    assert all(np.isfinite(array).all() for array in state.values())


def test_a_state_of_another_run_is_refused(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    run, other = make(), make(variant="base")
    list(train(run, splits))
    (other.path / "state.safetensors").write_bytes((run.path / "state.safetensors").read_bytes())
    with pytest.raises(FileFormatError, match="of other settings than"):
        list(train(other, splits))


def test_a_second_training_of_a_run_is_refused(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    run = make()
    first = train(run, splits)
    next(first)
    with pytest.raises(Lecun89Error, match="another process is training"):
        next(train(run, splits))
    assert len(list(first)) == 1


def test_leftovers_of_a_killed_process_are_swept_and_lost_weights_come_back(
    make: Callable[..., Run], splits: dict[str, Digits]
) -> None:
    run = make()
    list(train(run, splits))
    weights = run.weights_path().read_bytes()
    run.weights_path().unlink()
    (run.path / ".state.safetensors.x1.tmp").touch()
    assert list(train(run, splits)) == []
    assert run.weights_path().read_bytes() == weights
    assert not list(run.path.glob("*.tmp"))


def test_lost_metrics_are_noticed(make: Callable[..., Run], splits: dict[str, Digits]) -> None:
    run = make()
    list(train(run, splits))
    (run.path / "metrics.jsonl").unlink()
    with pytest.raises(FileFormatError, match=r"cannot read .*metrics\.jsonl: No such file"):
        list(train(run, splits))


def test_short_passes_are_not_each_saved_and_none_is_lost(
    make: Callable[..., Run], splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save_pass = Run.save_pass

    def count(run: Run, results: list[PassResult], *more: Any) -> None:
        saved.append(len(results))
        save_pass(run, results, *more)

    monkeypatch.setattr(Run, "save_pass", count)
    run = make(variant="xent", lr=0.1, batch_size=None, passes=12, engine=QUICKEST)
    monkeypatch.setattr(checkpointing, "SAVE_SECONDS", 3600)
    training = train(run, splits)
    for _ in range(5):
        next(training)
    assert saved == [1]
    training.close()  # as when whoever looks on fails
    assert saved == [1, 5]
    assert len(run.read_metrics()) == 5
    assert run.load_state()[1].passes == 5
    rest = list(train(run, splits))
    assert [result.number for result in rest] == list(range(6, 13))
    assert saved == [1, 5, 5, 12]  # to go on is to make sure of the files
