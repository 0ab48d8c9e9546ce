"""The published weights: what docs/record.md says of them is so."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lecun89.data import DATA
from lecun89.network.published import PUBLISHED, Published, find_published
from lecun89.network.weights import load_weights
from tests.conftest import Result


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: one.data)
def test_the_file_is_the_one_that_was_measured(one: Published) -> None:
    assert hashlib.sha256(one.path.read_bytes()).hexdigest() == one.sha256
    weights = load_weights(one.path)
    assert (weights.variant, weights.data) == (one.variant, one.data)
    assert weights.data_sha256 == DATA[one.data].sha256["train"]
    assert one.total == DATA[one.data].test


@pytest.mark.parametrize(
    "one", [one for one in PUBLISHED if one.data != "usps"], ids=lambda one: one.data
)
def test_eval_counts_the_published_misses(one: Published, cli: Callable[..., Result]) -> None:
    document = cli("eval", one.variant, "--data", one.data, "--json").document
    assert document["splits"]["test"]["misses"] == one.misses
    assert document["splits"]["test"]["total"] == one.total


def test_without_data_it_is_that_of_1989(cli: Callable[..., Result]) -> None:
    published = find_published("record", None)
    assert published is not None
    document = cli("errors", "record", "--json").document
    assert len(document["misses"]) == published.misses
    assert Path(document["files"][0]).parent.parent == Path("record-1989-pictures")
    other = cli("eval", "record", "--data", "1989-tune", "--json").document
    assert other["run"] == document["run"]
    assert other["splits"]["test"]["total"] == 10_000


def test_export_writes_them(cli: Callable[..., Result]) -> None:
    done = cli("export", "record", "--data", "full", "--json").document
    (path,) = (Path(name) for name in done["files"])
    published = find_published("record", "full")
    assert published is not None
    found, right = load_weights(path), load_weights(published.path)
    assert found.data == "full"
    assert all((found.arrays[name] == right.arrays[name]).all() for name in right.arrays)


def test_variants_says_what_is_published(cli: Callable[..., Result]) -> None:
    listed = {row["name"]: row for row in cli("variants", "--json").document["variants"]}
    assert listed["record"]["published"] == ["1989", "full", "usps"]
    assert listed["base"]["published"] == []
    assert "weights" in cli("variants").stdout


def test_a_file_of_that_name_comes_first_but_no_other_directory(
    cli: Callable[..., Result],
) -> None:
    Path("record").mkdir()  # as of a sweep
    assert cli("eval", "record").exit_code == 0
    Path("record").rmdir()
    Path("record").write_bytes(b"nothing")
    refused = cli("eval", "record")
    assert refused.exit_code == 1
    assert "record is not a safetensors file" in refused.stderr


def test_a_variant_without_any_is_looked_for_among_runs(cli: Callable[..., Result]) -> None:
    assert "no run or file at modern" in cli("eval", "modern").stderr
