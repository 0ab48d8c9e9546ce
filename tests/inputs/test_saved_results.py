"""Results of `lecun89 bench` that are printed, converted and compared; nothing is measured."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Result

SAVED = ROOT / "benchmarks" / "results" / "bench_cpu.json"


def save(name: str, ratio: float = 1.0, seeds: int = 10, **machine: Any) -> Path:
    """A copy of the saved result with other times, seeds and machine."""
    document = json.loads(SAVED.read_text())
    document["machine"] |= machine
    document["configuration"]["seeds"] = list(range(seeds))
    for row in document["rows"]:
        row["us_per_step"] *= ratio
    Path(name).write_text(json.dumps(document))
    return Path(name)


def test_two_saved_results_are_compared(cli: Callable[..., Result]) -> None:
    save("a.json")
    save("b.json", 1.5)
    result = cli("bench", "--compare", "a.json", "b.json")
    assert result.exit_code == 0
    lines = result.stdout[result.stdout.index("now / then") :].splitlines()
    assert sum(line.rstrip().endswith("1.50") for line in lines) == 8
    assert {
        one["ratio"]
        for one in cli("bench", "b.json", "--compare", "a.json", "--json").document["comparison"]
    } == {1.5}
    caught = cli("bench", "--compare", "a.json", "b.json", "--fail-if", "slower:10%")
    assert caught.exit_code == 3
    assert "1.50 times as long as in a.json" in caught.error


def test_a_saved_result_as_csv_and_as_markdown(cli: Callable[..., Result]) -> None:
    save("a.json")
    rows = list(csv.DictReader(io.StringIO(cli("bench", "a.json", "--csv").stdout)))
    saved = json.loads(SAVED.read_text())["rows"]
    assert [(row["name"], float(row["us_per_step"])) for row in rows] == [
        (row["name"], row["us_per_step"]) for row in saved
    ]
    assert "ratio" not in rows[0]
    compared = cli("bench", "a.json", "--compare", "a.json", "--csv").stdout
    assert {row["ratio"] for row in csv.DictReader(io.StringIO(compared))} == {"1.0"}
    assert "| mini-batch 64 | cpu, native | 328 us |" in cli("bench", "a.json", "--markdown").stdout


@pytest.mark.parametrize(
    ("machine", "refused"),
    [
        ({"platform": "Linux-5.10.1-other-x86_64-with-glibc2.31"}, None),
        ({"lecun89": "9.9", "compiler": "Clang 19", "python": "3.14.0", "load": 3.0}, None),
        ({"platform": "macOS-15.1-arm64-arm-64bit"}, "platform macOS, this one Linux"),
        ({"cpu": "Another"}, "cpu Another, this one AMD EPYC"),
        ({"torch": "1.0"}, "torch 1.0, this one 2.13.0+cpu"),
    ],
)
def test_what_is_another_machine(
    cli: Callable[..., Result], machine: dict[str, Any], refused: str | None
) -> None:
    save("now.json")
    save("then.json", **machine)
    result = cli("bench", "--compare", "then.json", "now.json")
    assert result.exit_code == (0 if refused is None else 2)
    if refused is not None:
        assert refused in result.error
        assert "--any-machine" in result.error
        anyway = cli("bench", "--compare", "then.json", "now.json", "--any-machine")
        assert anyway.exit_code == 0


def test_a_share_above_the_peak_is_explained(cli: Callable[..., Result]) -> None:
    document = json.loads(save("a.json").read_text())
    assert "above 100%" not in cli("bench", "a.json").stdout
    document["rows"][0]["peak_share"] = 1.08
    Path("a.json").write_text(json.dumps(document))
    text = cli("bench", "a.json").stdout
    assert "108%" in text
    assert "above 100% of peak: all operations of a digit are counted" in text


def test_one_seed_is_one_seed(cli: Callable[..., Result]) -> None:
    save("a.json", seeds=1)
    assert "4.1%, over 1 seed\n" in cli("bench", "a.json", "--markdown").stdout
    train = ("train", "--seeds", "3", "--passes", 1, "--batch-size", "full")
    result = cli(*train, "-q")
    assert "eval: split test . 1 seed. error" in result.stdout
    assert "deviation" not in result.stdout
    assert cli(*train, "--json").document["error_percent"]["test"]["deviation"] is None
    assert "deviation" not in cli(*train).stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ("{}", "is not a result of"),
        ("[]", "is not a result of"),
        ('{"rows": []}', "is not a result of"),
        ('{"rows": 3, "absent": {}, "peaks": {}}', "is not a result of"),
        ('{"rows": [{"name": NaN}], "absent": {}, "peaks": {}}', "is not a result of"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",), ("--markdown",)])
def test_other_files_are_refused(
    cli: Callable[..., Result], content: str, message: str, form: tuple[str, ...]
) -> None:
    Path("a.json").write_text(content)
    result = cli("bench", "a.json", *form)
    assert result.exit_code == 1
    assert message in result.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.json", "--quick"), "--quick is for measuring"),
        (("a.json", "--save", "b.json"), "--save is for measuring"),
        (("a.json", "--device", "cpu"), "--device is for measuring"),
        (("a.json", "--csv", "--json"), "cannot be combined"),
        (("a.json", "b.json"), "b.json"),
    ],
)
def test_flags_that_a_saved_result_has_no_use_for(
    cli: Callable[..., Result], arguments: tuple[str, ...], message: str
) -> None:
    save("a.json")
    result = cli("bench", *arguments)
    assert result.exit_code == 2
    assert message in result.error
