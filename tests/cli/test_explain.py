from collections.abc import Callable
from dataclasses import replace

import pytest

from lecun89.analysis.claims import CLAIMS, Measured
from lecun89.analysis.scores import Score
from lecun89.analysis.thennow import Column
from lecun89.bench.whole import WholeTraining
from lecun89.settings import resolve
from tests.conftest import QUICKEST, Result


def test_every_layer_is_checked_against_the_paper(cli: Callable[..., Result]) -> None:
    document = cli("explain", "--json").document
    assert all(row["equal"] for row in document["layers"])
    total = document["layers"][-1]
    assert (total["units"], total["connections"], total["parameters"]) == (1256, 64_660, 9760)
    assert (total["macs"], total["activations"]) == (63_660, 1000)
    assert {cost["variant"] for cost in document["costs"]} == {"base", "modern"}
    for cost in document["costs"]:
        assert 4 * 9760 < cost["file_bytes"] < 41_000
        assert 0 < cost["batched_us"] < cost["single_us"]
    assert any("sqrt" in entry["here"] for entry in document["assumptions"])


def test_the_switches_are_listed_with_what_the_variant_has(cli: Callable[..., Result]) -> None:
    document = cli("explain", "--variant", "paper", "--json").document
    assert {entry["key"]: entry["value"] for entry in document["switches"]} == {
        "squash": "scaled",
        "init": "literal",
        "output-bias": "0",
        "half": "yes",
        "table": "thirds",
        "curvature": "running",
    }
    assert " init=" in cli("explain").stdout


def test_the_tables_fit_100_columns(cli: Callable[..., Result]) -> None:
    result = cli("explain", "--variant", "xent")
    assert result.exit_code == 0
    assert result.stdout.count(" equal ") == 5
    assert "xent" in result.stdout.splitlines()[0]
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let --then-and-now find a training of some seconds, measured in 2026."""

    def set_up(seconds: float = 1.5, steps: int = 167_693) -> None:
        def as_column(whole: WholeTraining) -> Column:
            return replace(of(whole), year=2026, machine="AMD EPYC")

        test = Score(0.03, 82, 2007) if steps == 167_693 else None
        whole = WholeTraining(resolve("base", engine="eager"), seconds, steps, 167_693, test)
        of = WholeTraining.as_column
        monkeypatch.setattr(WholeTraining, "as_column", as_column)
        monkeypatch.setattr("lecun89.bench.measure_whole_training", lambda splits: whole)

    return set_up


def test_then_and_now_as_json(cli: Callable[..., Result], measured: Callable[..., None]) -> None:
    measured(1.5)
    document = cli("explain", "--then-and-now", "--json").document
    assert document["schema_version"] == 1
    columns = {column["name"]: column for column in document["columns"]}
    assert list(columns) == ["1989", "2022", "this machine", "large, 2022"]
    here = columns["this machine"]
    assert here["training_seconds"] == 1.5
    assert here["macs_per_second"] == pytest.approx(3 * 63_660 * 167_693 / 1.5)
    assert here["test_error_percent"] == pytest.approx(100 * 82 / 2007)
    assert here["times_1989"]["speed"] == pytest.approx(172_800)
    assert columns["2022"]["times_1989"]["speed"] == pytest.approx(2880)
    assert columns["large, 2022"]["times_1989"]["parameters"] == 1_000_000
    assert columns["large, 2022"]["parameters"] is None
    assert document["in_2055"]["larger_network_of_1989_seconds"] == pytest.approx(1.5e7)
    assert document["measured"]["steps"] == document["measured"]["of_steps"] == 167_693
    assert document["machine"]["cpu"]


def test_then_and_now_as_a_table(cli: Callable[..., Result], measured: Callable[..., None]) -> None:
    measured(1.5)
    table, _, sentences = cli("explain", "--then-and-now").stdout.partition("1989: LeCun")
    rows = {line[:28].strip(): line[28:].split() for line in table.splitlines()}
    assert rows["speed, times 1989"][:3] == ["1", "2,900", "170,000"]
    assert rows["test error"][:3] == ["5.00%", "4.09%", "4.09%"]
    assert rows["pixels of training data"][-2:] == ["442", "trillion"]
    assert max(map(len, table.splitlines())) <= 100
    assert "~" not in table
    assert "0.48 years (174 days) to train a network 10,000,000 times as large" in sentences
    assert "10,000,000 x 1.5 s" in sentences
    assert "170,000 times as fast: 1.385 times a year for 37 years" in sentences
    assert "is 49 years away, in 2075: ln 10,000,000 / ln 1.385" in sentences
    assert "all 167,693 steps were timed" in sentences
    quiet = cli("explain", "--then-and-now", "-q")
    assert (quiet.stdout, quiet.stderr) == (table, "")


def test_a_projected_training_is_marked(
    cli: Callable[..., Result], measured: Callable[..., None]
) -> None:
    measured(250.0, steps=2000)
    text = cli("explain", "--then-and-now").stdout
    assert "~4 min 10 s" in text
    assert "~128 million" in text
    assert "At about 128 million MACs a second" in text
    assert "projected from 2,000 of 167,693 steps" in text


@pytest.mark.skipif(QUICKEST != "native", reason="takes the eager engine seconds")
def test_this_machine_is_measured(cli: Callable[..., Result]) -> None:
    here = cli("explain", "--then-and-now", "--json").document["columns"][2]
    assert here["training_seconds"] > 0
    assert here["projected"] or here["test_error_percent"] == pytest.approx(4.1, abs=0.5)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_claims_as_text(
    width: int, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Measured("7.9% test errors", 30, "95% of the mean 7.7 to 8.1%", "holds", "2026-11-28")
    monkeypatch.setattr("lecun89.analysis.claims.measured_claims", lambda: {"shared-weights": ours})
    monkeypatch.setenv("COLUMNS", str(width))
    text = cli("explain", "--claims").stdout
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert {f"{claim.name}: not measured" for claim in CLAIMS[2:]} | {"shared-weights: holds"} <= {
        *lines
    }
    words = " ".join(text.split())
    for claim in CLAIMS:
        assert claim.claim in words
        assert claim.command in words
    assert "ours 7.9% test errors (30 seeds, 2026-11-28)" in words
    assert "interval 95% of the mean 7.7 to 8.1%" in words
    assert cli("explain", "--claims", "-q").stdout.splitlines()[1] == "shared-weights: holds"


def test_claims_as_json(cli: Callable[..., Result]) -> None:
    document = cli("explain", "--claims", "--json").document
    assert document["schema_version"] == 1
    assert [claim["name"] for claim in document["claims"]] == [claim.name for claim in CLAIMS]
    assert document["claims"][0].keys() == {
        *("name", "section", "claim", "paper", "command"),
        *("ours", "seeds", "interval", "verdict", "date"),
    }


def test_fewer_planes_stand_beside_the_papers_and_another_network_does_not(
    cli: Callable[..., Result],
) -> None:
    document = cli("explain", "--variant", "paper+planes=4", "--json").document
    rows = {row["name"]: row for row in document["layers"]}
    assert [name for name, row in rows.items() if row["equal"]] == ["out"]
    assert (rows["all"]["parameters"], rows["all"]["macs"]) == (2980, 13_420)
    result = cli("explain", "--variant", "fc40")
    assert result.exit_code == 2
    assert result.error == "explain is about the network of 1989, fc40 is another"
