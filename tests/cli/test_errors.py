import csv
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lecun89.data import Digits
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import Weights, save_weights
from tests.conftest import Result


@pytest.fixture
def always_3() -> Path:
    """A network that reads every digit as 3."""
    arrays = {name: np.zeros(shape, np.float32) for name, shape in PARAMETER_SHAPES.items()}
    arrays["outb"][3] = 1
    save_weights(Path("three.safetensors"), Weights(arrays, "xent", "1989"))
    return Path("three.safetensors")


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_files_and_documents_agree(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    result = cli("errors", base_run[0], "--out", "out", "--individual", "--json")
    document = result.document
    assert list(document) == ["schema_version", "run", "split", "total", "misses", "files"]
    assert (document["run"], document["split"], document["total"]) == (
        str(base_run[0]),
        "test",
        2007,
    )
    assert len(document["misses"]) == 206
    assert [list(miss) for miss in document["misses"]] == [
        ["index", "source_index", "label", "prediction", "margin"]
    ] * 206
    margins = [miss["margin"] for miss in document["misses"]]
    assert margins == sorted(margins, reverse=True)
    table = rows(Path("out/errors.csv"))
    assert [{key: float(row[key]) for key in document["misses"][0]} for row in table] == document[
        "misses"
    ]
    for row in table:
        outputs = [float(row[f"output_{digit}"]) for digit in range(10)]
        assert int(np.argmax(outputs)) == int(row["prediction"]) != int(row["label"])
        margin = outputs[int(row["prediction"])] - outputs[int(row["label"])]
        assert margin == pytest.approx(float(row["margin"]), abs=1e-6)
    assert len(document["files"]) == 3 + 206
    assert all(Path(path).is_file() for path in document["files"])
    assert size(Path("out/errors.png"))[0] > 500
    first = document["misses"][0]
    name = f"{first['index']:05d}-{first['label']}-as-{first['prediction']}.png"
    assert size(Path("out/digits") / name) == (256, 256)


def test_the_run_keeps_its_pictures_and_the_matrix_is_printed(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    for _ in range(2):  # the second time replaces the first
        result = cli("errors", "--runs-dir", base_run[0].parent)
        assert result.exit_code == 0
    assert "base on 1989: 206 of 2,007 test digits missed, 10.26%" in result.stdout
    assert "most confused: " in result.stdout
    assert result.stdout.endswith(f"{base_run[0]}/errors-test\n")
    assert max(map(len, result.stdout.splitlines()[1:-1])) <= 100
    names = {path.name for path in (base_run[0] / "errors-test").iterdir()}
    assert names == {"errors.png", "errors.csv", "confusion.png", ".lecun89-errors.json"}


def test_files_of_others_are_not_replaced(always_3: Path, cli: Callable[..., Result]) -> None:
    Path("out").mkdir()
    Path("out/errors.png").write_text("precious")
    result = cli("errors", always_3, "--out", "out")
    assert result.exit_code == 2
    assert "--force" in result.error
    assert Path("out/errors.png").read_text() == "precious"
    assert cli("errors", always_3, "--out", "out", "--force").exit_code == 0
    assert Path("out/errors.png").read_bytes()[:4] == b"\x89PNG"


def test_no_miss_is_a_result(
    always_3: Path,
    cli: Callable[..., Result],
    splits: dict[str, Digits],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = splits["test"]
    threes = of.labels == 3
    only = Digits("1989", "test", of.images[threes], of.labels[threes], of.source_index[threes], "")
    monkeypatch.setattr("lecun89.training.trained.load", lambda *args: only)
    result = cli("errors", always_3, "--out", "out")
    assert result.exit_code == 0
    assert "no digit is missed" in result.stdout
    assert rows(Path("out/errors.csv")) == []
    assert cli("errors", always_3, "--out", "out", "--json").document["misses"] == []


def test_a_diff_with_itself_is_empty(
    base_run: tuple[Path, Result], cli: Callable[..., Result], always_3: Path
) -> None:
    same = cli("errors", base_run[0], "--diff", base_run[0], "--out", "same", "--json").document
    assert (same["fixed"], same["broken"], same["p_value"]) == ([], [], 1.0)
    assert len(same["both"]) == 206
    other = cli("errors", base_run[0], "--diff", always_3, "--out", "other", "--json").document
    assert len(other["fixed"]) + len(other["both"]) == 206
    assert other["p_value"] < 1e-100
    cli("errors", base_run[0], "--out", "other")  # which leaves the pictures of the diff alone
    assert {path.name for path in Path("other").glob("*.png")} == {
        "diff.png", "errors.png", "confusion.png",
    }  # fmt: skip
    table = rows(Path("other/diff.csv"))
    assert [int(row["index"]) for row in table if row["change"] == "broken"] == other["broken"]
    printed = cli("errors", base_run[0], "--diff", always_3, "--out", "other").stdout
    assert f"fixed {len(other['fixed'])}, broken {len(other['broken'])}" in printed
    assert size(Path("other/diff.png"))[1] > 1000


def test_several_runs_are_counted(
    base_run: tuple[Path, Result], cli: Callable[..., Result], always_3: Path
) -> None:
    document = cli("errors", base_run[0], always_3, "--out", "out", "--json").document
    counts = [digit["missed"] for digit in document["digits"]]
    assert counts == sorted(counts, reverse=True)
    assert set(counts) == {1, 2}
    table = rows(Path("out/across.csv"))
    assert [int(row["missed"]) for row in table] == counts
    printed = cli("errors", base_run[0], always_3, "--out", "out").stdout
    assert re.search(rf"2 of 2 runs +{counts.count(2)}\b", printed)
    assert "is given twice" in cli("errors", always_3, always_3).error
    refused = cli("errors", "--across", "--runs-dir", base_run[0].parent)
    assert refused.exit_code == 2
    assert "--across needs two runs of base on 1989" in refused.error


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("errors nowhere", 1, "no run or file at nowhere"),
        ("errors --split all", 2, "unknown split 'all'"),
        ("errors --data mnist", 2, "unknown data 'mnist'"),
        ("errors a b --diff c", 2, "--diff compares two runs"),
        ("errors a b --individual", 2, "--individual is for one run"),
        ("plot nowhere", 1, "no run or file at nowhere"),
        ("plot --digit x", 2, "--digit 'x' is not a whole number"),
        ("plot --split all", 2, "unknown split 'all'"),
        ("explain --variant bse", 2, "did you mean 'base'"),
        ("export nowhere", 1, "no run or file at nowhere"),
        ("export --format onxx", 2, "did you mean 'onnx'"),
        ("eval --reject-for 101%", 2, "--reject-for 101% is out of range"),
        ("eval --reject-for few", 2, "--reject-for 'few' is not a number"),
    ],
)
def test_bad_input_is_one_line(
    line: str, code: int, message: str, cli: Callable[..., Result]
) -> None:
    result = cli(*line.split())
    assert message in result.error
    assert result.exit_code == code
    assert os.listdir() == []  # noqa: PTH208
