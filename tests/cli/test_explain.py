from collections.abc import Callable

from tests.conftest import Result


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
