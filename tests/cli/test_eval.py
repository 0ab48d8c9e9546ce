import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lecun89.network.weights import load_weights
from tests.conftest import Result


def check_scores(splits: dict[str, dict[str, object]], *names: str) -> None:
    assert list(splits) == list(names)
    for score in splits.values():
        assert list(score) == ["loss", "misses", "total", "error_percent", "interval95"]
        assert score["error_percent"] == pytest.approx(100 * score["misses"] / score["total"])
        low, high = score["interval95"]
        assert low < score["error_percent"] < high


def test_json_is_the_documented_document_and_nothing_else(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    path, _ = base_run
    result = cli("eval", path, "--json")
    document = result.document
    assert list(document) == ["schema_version", "run", "variant", "data", "seconds", "splits"]
    assert (document["schema_version"], document["run"]) == (1, str(path))
    assert (document["variant"], document["data"]) == ("base", "1989")
    check_scores(document["splits"], "test")
    assert document["splits"]["test"]["misses"] == 206
    assert result.stderr == ""


def test_the_newest_run_and_every_split(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    path, _ = base_run
    result = cli("eval", "--runs-dir", path.parent, "--split", "all", "--json")
    check_scores(result.document["splits"], "train", "validation", "test")
    assert result.document["splits"]["train"]["misses"] == 656


def test_the_line_of_the_blog(base_run: tuple[Path, Result], cli: Callable[..., Result]) -> None:
    result = cli("eval", base_run[0])
    assert result.stdout.splitlines()[0].startswith("eval: split test . loss 6.87")
    assert "error 10.26%. misses: 206" in result.stdout
    assert "9.01 to 11.67%" in result.stdout
    quiet = cli("eval", base_run[0], "-q")
    assert quiet.stdout == result.stdout.splitlines(keepends=True)[0]
    assert quiet.stderr == ""


def test_a_weights_file_and_an_upstream_state_dict_score_the_same(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    path = base_run[0] / "weights.safetensors"
    arrays = load_weights(path).arrays
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, "model.pt")
    ours = cli("eval", path, "--json").document["splits"]
    theirs = cli("eval", "model.pt", "--variant", "base", "--json").document["splits"]
    assert ours == theirs
    refused = cli("eval", "model.pt")
    assert refused.exit_code == 2
    assert "give --variant" in refused.error
    conflict = cli("eval", path, "--variant", "modern")
    assert conflict.exit_code == 2
    assert "--variant modern conflicts with" in conflict.error


def test_a_pickle_is_refused_unexecuted(cli: Callable[..., Result]) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, ("executed",))

    Path("bomb.pt").write_bytes(pickle.dumps({"H1w": Bomb()}))
    torch.save({"H1w": Bomb()}, "zipped.pt")
    for name in ("bomb.pt", "zipped.pt"):
        result = cli("eval", name, "--variant", "base")
        assert result.exit_code == 1
        assert name in result.error
    assert not Path("executed").exists()


def test_damaged_weights_are_refused(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    content = bytearray((base_run[0] / "weights.safetensors").read_bytes())
    content[-7] ^= 1
    Path("w.safetensors").write_bytes(content)
    result = cli("eval", "w.safetensors")
    assert result.exit_code == 1
    assert "w.safetensors is damaged" in result.error


def test_data_it_was_not_trained_on(
    base_run: tuple[Path, Result], cli: Callable[..., Result], tmp_path: Path
) -> None:
    result = cli("eval", base_run[0], "--data", "full", "--data-dir", tmp_path, "--json")
    assert result.document["data"] == "full"
    assert result.document["splits"]["test"]["total"] == 10_000
    assert np.isfinite(result.document["splits"]["test"]["loss"])
