from collections.abc import Callable

from lecun89 import VARIANTS
from tests.conftest import Result


def test_the_table_names_each_rung_and_the_shared_counts(cli: Callable[..., Result]) -> None:
    result = cli("variants")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in VARIANTS)
    for text in (
        "9,760 parameters",
        "63,660 multiply-accumulates",
        "1,000 activations",
        "23 / 100",
    ):
        assert text in " ".join(result.stdout.split())  # wrapped anywhere
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_json_holds_every_value(cli: Callable[..., Result]) -> None:
    document = cli("variants", "--json").document
    assert document["schema_version"] == 1
    assert [entry["name"] for entry in document["variants"]] == list(VARIANTS)
    first = document["variants"][0]
    assert (first["parameters"], first["macs"], first["activations"]) == (9760, 63_660, 1000)
    assert first["passes"] == {"1989": 23, "full": 100}
    assert first["lr"] == 0.03


def test_quiet_prints_names_and_verbose_every_value(cli: Callable[..., Result]) -> None:
    assert cli("variants", "-q").stdout.split() == list(VARIANTS)
    result = cli("variants", "-v")
    assert "dropout after" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
