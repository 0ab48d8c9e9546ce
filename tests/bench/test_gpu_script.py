"""benchmarks/gpu.py, as far as it can be run on a CPU."""

import json
from pathlib import Path

import pytest

from lecun89.bench.configurations import Configuration
from lecun89.render.benchtable import as_markdown
from tests.conftest import GPU, load_benchmark


def run(*arguments: str) -> int:
    """The script, without the rows of large batches, a step of which takes seconds here."""
    script = load_benchmark("gpu")
    every = script.list_configurations

    def some(device: str) -> tuple[list[Configuration], dict[str, str]]:
        found, absent = every(device)
        return [of for of in found if of.batch_size in (1, 64)], absent

    script.list_configurations = some
    return int(script.main(list(arguments)))


@pytest.mark.parametrize("device", ["cpu", pytest.param(GPU, marks=pytest.mark.gpu)])
def test_one_command_measures_everything(device: str, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    code = run("--device", device, "--minutes", "0.1", "--networks", "2", "--out", str(out))
    document = json.loads(out.read_text())
    assert document["failed"] == {}
    assert code == 0
    assert document["agreement"]
    assert all(one["apart"] <= 0.05 for one in document["agreement"])
    assert {row["name"] for row in document["rows"]} >= {"one at a time", "2 networks"}
    assert document["throughput"][0]["networks_per_second"] > 0
    assert "2 networks" in as_markdown(document)


def test_what_fails_is_kept_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lecun89.training.loop.fit", lambda *given, **more: 1 / 0)
    out = tmp_path / "gpu.json"
    code = run("--device", "cpu", "--minutes", "0.02", "--networks", "2", "--out", str(out))
    document = json.loads(out.read_text())
    assert code == 1
    assert document["failed"] == {"2 networks": "ZeroDivisionError: division by zero"}
    assert document["rows"]
