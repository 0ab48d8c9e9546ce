import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lecun89.bench.configurations import Configuration
from tests.conftest import Result


@pytest.fixture
def bench(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run bench on two quick configurations, with seconds made small."""
    found = [Configuration(f"mini-batch {size}", "cpu", "eager", size) for size in (64, 512)]
    absent = {"cuda": "no CUDA device is visible"}
    monkeypatch.setattr(
        "lecun89.bench.session.list_configurations", lambda device: (found, dict(absent))
    )
    for name in ("QUICK_SECONDS", "COST_SECONDS", "TARGET_SECONDS"):
        monkeypatch.setattr(f"lecun89.bench.session.{name}", 0.05)
    return lambda *args: cli("bench", *args)


def planted(path: Path, ratio: float) -> None:
    """Make every step of a saved result shorter, so that this machine seems slower."""
    document = json.loads(path.read_text())
    for row in document["rows"]:
        row["us_per_step"] /= ratio
    path.write_text(json.dumps(document))


def test_the_result_as_json_has_the_documented_shape(bench: Callable[..., Result]) -> None:
    document: dict[str, Any] = bench("--json", "-q").document
    assert document["schema_version"] == 1
    assert document["machine"]["cpu"]
    assert document["absent"] == {"cuda": "no CUDA device is visible"}
    for row in document["rows"]:
        assert row.keys() >= {
            "name",
            "device",
            "engine",
            "batch_size",
            "us_per_step",
            "seconds_per_pass",
            "steps",
            "seconds_to_error",
            "error_percent",
            "speedup",
            "times",
        }
        assert row["speedup"].keys() == {"eager_cpu", "m1_2022", "sun4_1989"}
        assert row["us_per_step"] == pytest.approx(
            1e6 * sorted(row["times"])[len(row["times"]) // 2], rel=0.5
        )
    assert [row["batch_size"] for row in document["rows"]] == [64, 512]
    assert [row["projected"] for row in document["rows"]] == [True, True]


def test_the_table_fits_and_names_what_is_missing(bench: Callable[..., Result]) -> None:
    result = bench()
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "not measured: cuda: no CUDA device is visible" in result.stdout
    assert "mini-batch 64" in result.stdout
    assert "time to a mean test error of 4.1%" in result.stdout
    assert "measuring: mini-batch 64" in result.stderr
    assert "time to" not in bench("--quick").stdout


def test_a_slowdown_is_caught(bench: Callable[..., Result]) -> None:
    assert bench("--quick", "--save", "then.json").exit_code == 0
    planted(Path("then.json"), 5.0)
    result = bench("--quick", "--compare", "then.json")
    assert result.exit_code == 0
    assert "now / then" in result.stdout
    caught = bench("--quick", "--compare", "then.json", "--fail-if", "slower:10%")
    assert caught.exit_code == 3
    assert "times as long as in then.json" in caught.error
    planted(Path("then.json"), 1e-3)
    assert bench("--quick", "--compare", "then.json", "--fail-if", "slower:10%").exit_code == 0


def test_a_slowdown_of_a_fifth_is_above_a_tenth() -> None:
    from lecun89.bench import compare

    def result(us: float) -> dict[str, Any]:
        return {"rows": [{"name": "n", "device": "cpu", "engine": "eager", "us_per_step": us}]}

    (one,) = compare(result(120.0), result(100.0))
    assert one.ratio == pytest.approx(1.2)


def test_results_of_other_machines_are_refused(bench: Callable[..., Result]) -> None:
    bench("--quick", "--save", "then.json")
    document = json.loads(Path("then.json").read_text())
    document["machine"]["cpu"] = "Another"
    Path("then.json").write_text(json.dumps(document))
    refused = bench("--quick", "--compare", "then.json")
    assert refused.exit_code == 2
    assert "the other result has cpu Another" in refused.error
    assert bench("--quick", "--compare", "then.json", "--any-machine").exit_code == 0
    Path("empty.json").write_text("{}")
    assert bench("--quick", "--compare", "empty.json").exit_code == 1
    Path("bad.json").write_text("{")
    assert "bad.json is not JSON" in bench("--quick", "--compare", "bad.json").error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--until-error", 0), "--until-error 0.0 is out of range"),
        (("--until-error", "x"), "--until-error 'x' is not a number"),
        (("--quick", "--full"), "--quick and --full cannot be combined"),
        (("--fail-if", "slower:10%"), "--fail-if needs --compare"),
        (("--fail-if", "faster", "--compare", "x"), "--fail-if 'faster' is not like slower:10%"),
        (("--seeds", "a"), "--seeds 'a' is not a list"),
        (("--variant", "bas"), "did you mean 'base'"),
        (("--device", "gpu"), "device 'gpu'"),
    ],
)
def test_wrong_input_is_one_line(
    cli: Callable[..., Result], arguments: tuple[object, ...], message: str
) -> None:
    result = cli("bench", *arguments)
    assert result.exit_code == 2
    assert message in result.error


def test_a_saved_result_is_not_replaced(bench: Callable[..., Result]) -> None:
    Path("then.json").write_text("mine")
    result = bench("--quick", "--save", "then.json")
    assert result.exit_code == 2
    assert "--save then.json exists" in result.error
    assert Path("then.json").read_text() == "mine"


def test_a_device_that_is_not_there_is_told(cli: Callable[..., Result]) -> None:
    result = cli("bench", "--device", "cuda:99")
    assert result.exit_code == 1
    assert result.error.startswith("nothing to measure on cuda:99: ")
