import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lecun89.analysis.scores import Score
from lecun89.exceptions import FileFormatError
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import load_weights
from lecun89.settings import Settings
from lecun89.training.loop import PassResult, Position
from lecun89.training.runs import Run, create_run, find_run, list_runs, open_run
from lecun89.variants import get_variant

STATE = {name: np.zeros(shape, np.float32) for name, shape in PARAMETER_SHAPES.items()}
RESULT = PassResult(1, 0.03, 1.5, Score(0.1, 3, 7291), Score(0.2, 4, 2007))


@pytest.fixture
def make(settings: Callable[..., Settings], tmp_path: Path) -> Callable[..., Run]:
    def make(**changes: object) -> Run:
        of = settings(**changes)
        return create_run(tmp_path / "runs", of, {"train": "abc"}, {"cpu": "x"}, STATE)

    return make


def test_a_run_is_read_as_it_was_made(make: Callable[..., Run]) -> None:
    run = make(batch_size=None, variant="modern")
    assert open_run(run.path) == run
    run.save_pass([RESULT], STATE)
    assert run.read_metrics() == [RESULT]
    state, position = run.load_state()
    assert position == Position(1)
    assert state.keys() == STATE.keys()
    weights = load_weights(run.weights_path())
    assert (weights.variant, weights.data, weights.data_sha256) == ("modern", "1989", "abc")


def test_two_runs_of_the_same_second_are_two(make: Callable[..., Run]) -> None:
    runs = [make() for _ in range(3)]
    assert len({run.path for run in runs}) == 3


def test_the_newest_run_is_found_and_near_names_are_suggested(
    make: Callable[..., Run], tmp_path: Path
) -> None:
    older, newer = make(), make()
    os.utime(newer.path / "config.json", ns=(1, 1))  # which says when it was copied, no more
    runs_dir = tmp_path / "runs"
    assert find_run(None, runs_dir) == newer.path
    assert find_run(older.path.name, runs_dir) == older.path
    assert find_run(str(older.path), Path("elsewhere")) == older.path
    with pytest.raises(FileFormatError, match=f"did you mean .*{newer.path.name[:20]}"):
        find_run(newer.path.name + "x", runs_dir)
    with pytest.raises(FileFormatError, match="make one with `lecun89 train`"):
        find_run(None, tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:50],
        lambda text: "[]",
        lambda text: text.replace("eager", "eager\\u0000") + "}",
        lambda text: text.replace('"schema_version": 2', '"schema_version": 3'),
        lambda text: text.replace("base", "bass"),
        lambda text: text.replace('"passes"', '"pases"'),
        lambda text: text.replace("0.03", "-1.0"),
        lambda text: text.replace("1337", "1337.5"),
        lambda text: text.replace('"cpu"', '"auto"'),
        lambda text: text.replace('"default"', "null", 1).replace('"value": 2', '"value": true'),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_configuration_is_one_line(
    make: Callable[..., Run], change: Callable[[str], str]
) -> None:
    config = make().path / "config.json"
    config.write_text(change(config.read_text()))
    with pytest.raises(FileFormatError, match=r"config\.json") as caught:
        open_run(config.parent)
    assert "\n" not in str(caught.value)


def test_damaged_metrics_are_one_line(make: Callable[..., Run]) -> None:
    run = make()
    run.save_pass([RESULT], STATE)
    path = run.path / "metrics.jsonl"
    line = path.read_text()
    for broken in (
        *("", "{", "[]", json.dumps({"pass": 1}), "\udcff", line[:-1]),
        line.replace('"pass": 1', '"pass": 2'),
        line.replace('"total": 2007', '"total": 0'),
        line.replace('"misses": 4', '"misses": "x"'),
    ):
        path.write_text(broken, errors="surrogateescape")
        with pytest.raises(FileFormatError, match=r"metrics\.jsonl"):
            run.read_metrics()


def test_a_run_that_cannot_be_made_leaves_nothing(
    make: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lecun89.training.runs.write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        make()
    assert list((tmp_path / "runs").iterdir()) == []


def test_files_of_another_run_are_refused(make: Callable[..., Run]) -> None:
    run, other = make(), make(lr=0.01)
    for of in (run, other):
        of.save_pass([RESULT], STATE)
    for name, read in (
        ("weights.safetensors", Run.read_weights),
        ("state.safetensors", Run.load_state),
        ("state.safetensors", Run.read_metrics),
    ):
        path = run.path / name
        kept = path.read_bytes()
        path.write_bytes((other.path / name).read_bytes())
        with pytest.raises(FileFormatError, match=f"{name} is of (other|another) .* than"):
            read(run)
        path.write_bytes(kept)
        read(run)


def test_a_run_of_another_version_is_refused(make: Callable[..., Run]) -> None:
    config = make().path / "config.json"
    document = json.loads(config.read_text())
    config.write_text(json.dumps(document | {"schema_version": 1}))
    with pytest.raises(FileFormatError, match="has schema version 1, this lecun89 reads 2"):
        open_run(config.parent)


def test_runs_within_sweeps_are_found(make: Callable[..., Run], tmp_path: Path) -> None:
    one, other = make(), make()
    inside = tmp_path / "runs" / "seeds" / "runs"
    inside.mkdir(parents=True)
    other.path.rename(inside / other.path.name)
    assert set(list_runs(tmp_path / "runs")) == {one.path, inside / other.path.name}
    assert find_run(other.path.name, tmp_path / "runs") == inside / other.path.name


def test_a_long_name_of_a_variant_is_cut(make: Callable[..., Run], tmp_path: Path) -> None:
    name = (
        "record+activation=silu+schedule=linear+lr-decay=100.0+weight-decay=0.05+shuffle=no"
        "+dropout=0.1+dropout-after=H3+rotation=5.0+scaling=0.1+shear=0.1+translation=0.5"
        "+elastic=0.3+elastic-sigma=2.0+stroke=0.2+label-smoothing=0.1"
    )
    run = make(variant=get_variant(name).name)
    assert len(run.path.name) < 150
    assert open_run(run.path).settings == run.settings
