"""Flipped bytes, cuts, swapped files, changed fields: refused in one line, or made again."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lecun89 import data
from lecun89.exceptions import FileFormatError, Lecun89Error
from lecun89.network.weights import load_weights
from lecun89.storage import tensorfile
from lecun89.storage.files import sealed
from lecun89.training.runs import Run, open_run
from tests.conftest import Result

READERS: dict[str, Callable[[Path], object]] = {
    "config.json": open_run,
    "metrics.jsonl": lambda path: open_run(path).read_metrics(),
    "weights.safetensors": lambda path: open_run(path).read_weights(),
    "state.safetensors": lambda path: open_run(path).load_state(),
}


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where the system has such: there will be many writes."""
    memory = Path("/dev/shm")
    path = memory / f"lecun89-{os.getpid()}" if memory.is_dir() else tmp_path / "scratch"
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def run(base_run: tuple[Path, Result], scratch: Path) -> Path:
    """A run to be damaged."""
    shutil.copytree(base_run[0], scratch / "run")
    return scratch / "run"


def refused(read: Callable[[], object], kinds: type[Lecun89Error] = FileFormatError) -> None:
    with pytest.raises(kinds) as caught:
        read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "every", [pytest.param(False, id="some"), pytest.param(True, id="all", marks=pytest.mark.slow)]
)
def test_no_flipped_byte_and_no_cut_is_accepted(
    run: Path, rng: random.Random, figure: Callable[[str], None], name: str, every: bool
) -> None:
    path, read = run / name, READERS[name]
    read(run)
    content = path.read_bytes()
    places = range(len(content)) if every else sorted(rng.sample(range(len(content)), 100))
    for place in places:
        with path.open("r+b") as file:
            file.seek(place)
            file.write(bytes([content[place] ^ rng.randint(1, 255)]))
        refused(lambda: read(run))
        with path.open("r+b") as file:
            file.seek(place)
            file.write(content[place : place + 1])
    for length in places:
        path.write_bytes(content[:length])
        refused(lambda: read(run))
    path.write_bytes(content)
    read(run)
    figure(f"{len(places):,} flips and as many cuts of {len(content):,} bytes, 0 accepted")


@pytest.mark.parametrize(
    "times", [pytest.param(20, id="some"), pytest.param(1500, id="many", marks=pytest.mark.slow)]
)
def test_damaged_digits_are_made_again(
    data_dir: Path,
    scratch: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    times: int,
) -> None:
    shutil.copytree(data_dir / "1989", scratch / "1989")
    path = scratch / "1989" / "test.safetensors"
    content = path.read_bytes()
    header = int.from_bytes(content[:8], "little") + 8
    for number in range(times):
        place = rng.randrange(header if number % 2 else len(content))
        with path.open("r+b") as file:
            file.seek(place)
            file.write(bytes([content[place] ^ rng.randint(1, 255)]))
        assert data.prepared_state("1989", scratch) == "incomplete or damaged"
        path.write_bytes(content[: rng.randrange(len(content))])
        assert data.prepared_state("1989", scratch) == "incomplete or damaged"
        path.write_bytes(content)
    path.write_bytes(content[:-1])
    assert len(data.load("1989", "test", scratch)) == 2007
    assert path.read_bytes() == content
    figure(f"{times:,} flips and {times:,} cuts of digits, 0 accepted")


OTHER = {"variant": "xent", "data": "full", "seed": 7, "passes": 2, "lr": 0.5, "batch_size": 8}


@pytest.mark.parametrize("name", [*OTHER, "engine", "threads", "data_sha256", "machine", "origin"])
def test_a_changed_field_is_refused_with_the_right_digest_too(
    run: Path, cli: Callable[..., Result], name: str
) -> None:
    config = run / "config.json"
    document: dict[str, Any] = json.loads(config.read_text())
    if name == "data_sha256":
        document[name]["train"] = document[name]["test"]
    elif name == "machine":
        document[name]["cpu"] = "another"
    elif name == "origin":
        document["settings"]["lr"][name] = "flag"
    else:
        other = OTHER | {"engine": "eager", "threads": 2}
        document["settings"][name]["value"] = other[name]
    config.write_text(json.dumps(document, indent=2) + "\n")
    for line in (("eval", run), ("train", "--resume", run), ("errors", run)):
        result = cli(*line)
        assert result.exit_code == 1
        assert "config.json is damaged: its digest does not match" in result.error
    if name in ("machine", "origin"):  # which say nothing of what was trained
        return
    del document["digest"]
    config.write_text(sealed(document))  # as somebody would who wants to be believed
    for line in (("eval", run), ("train", "--resume", run), ("errors", run)):
        result = cli(*line)
        assert result.exit_code == 1, line
        told = (" is of other ", " is of another training than", "was started on other digits")
        assert any(one in result.error for one in told)


def test_files_of_another_run_are_refused_by_every_command(
    run: Path, cli: Callable[..., Result], scratch: Path
) -> None:
    other = cli("train", "--seed", 3, "--passes", 1, "-q", "--runs-dir", scratch / "runs")
    path = Path(other.stdout.splitlines()[-1])
    for name, lines in (
        ("weights.safetensors", [("eval", run), ("errors", run), ("export", run)]),
        ("state.safetensors", [("train", "--resume", run)]),
        ("metrics.jsonl", [("train", "--resume", run)]),
    ):
        kept = (run / name).read_bytes()
        shutil.copy(path / name, run / name)
        for line in lines:
            result = cli(*line)
            assert result.exit_code == 1, line
            assert name in result.error
        (run / name).write_bytes(kept)
    assert cli("eval", run).exit_code == 0


def test_weights_and_digits_of_other_data_are_told(
    run: Path, cli: Callable[..., Result], data_dir: Path, scratch: Path
) -> None:
    """A weights file whose digest of the digits is another, and digits under another's name."""
    path = run / "weights.safetensors"
    arrays, header = tensorfile.read(path, "weights", limit=1 << 20)
    other = scratch / "other.safetensors"
    tensorfile.write(other, "weights", arrays, header | {"data_sha256": "0" * 64})
    assert "was trained on other digits" in cli("eval", other).stderr
    tensorfile.write(other, "weights", arrays, header | {"variant": "microvit"})
    refused(lambda: load_weights(other))
    shutil.copytree(data_dir / "1989", scratch / "data" / "1989")
    shutil.copy(
        scratch / "data/1989/validation.safetensors", scratch / "data/1989/test.safetensors"
    )
    result = cli("prepare", "--verify", "--data-dir", scratch / "data")
    assert result.exit_code == 3
    assert "test differs" in result.error
    result = cli("eval", run, "--data-dir", scratch / "data", "--json")
    assert result.document["splits"]["test"]["total"] == 2007
    assert "prepared again" in result.stderr


def test_a_position_outside_of_the_training_is_refused(run: Path) -> None:
    of: Run = open_run(run)
    path = run / "state.safetensors"
    arrays, header = tensorfile.read(path, "training state", limit=1 << 20)
    for position in (
        {"passes": 2, "step": 0, "seconds": 0.0},
        {"passes": -1, "step": 0, "seconds": 0.0},
        {"passes": 0, "step": 10**9, "seconds": 0.0},
        {"passes": 1.0, "step": 0, "seconds": 0.0},
        {"passes": True, "step": 0, "seconds": 0.0},
        {"passes": 0, "step": 0, "seconds": float("1e999")},
        {"passes": 0, "step": 0, "seconds": "x"},
        {"passes": 0},
        [],
        None,
    ):
        try:
            tensorfile.write(path, "training state", arrays, header | {"position": position})
        except ValueError:  # infinity is no JSON
            continue
        refused(of.load_state)
