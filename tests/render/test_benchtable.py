import io
import json
from typing import Any

import pytest
from rich.console import Console

from lecun89.render.benchtable import as_markdown, for_terminal
from tests.conftest import ROOT


@pytest.fixture
def saved() -> dict[str, Any]:
    """A result that was measured with earlier versions of this package."""
    path = ROOT / "benchmarks" / "results" / "bench_cpu.json"
    return dict(json.loads(path.read_text()))


def terminal(document: dict[str, Any]) -> str:
    console = Console(width=100, file=io.StringIO())
    for part in for_terminal(document):
        console.print(part, highlight=False, markup=False)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_saved_result_is_drawn_in_the_terminal(saved: dict[str, Any]) -> None:
    text = terminal(saved)
    assert max(map(len, text.splitlines())) <= 100
    cost, to_target = (
        next(line.split("  ") for line in text[begin:].splitlines() if "mini-batch 64" in line)
        for begin in (0, text.index("time to a mean test error of 4.1%, over 10 seeds"))
    )
    assert [cell.strip() for cell in cost if cell.strip()] == [
        *("mini-batch 64", "cpu, native", "328 us", "195k", "76%", "~0.9 s", "244", "105", "301k")
    ]
    assert [cell.strip() for cell in to_target if cell.strip()] == [
        *("mini-batch 64", "cpu, native", "fast 0.01 x10", "0.28", "0.00", "3.60%", "0.003", "yes")
    ]
    assert "not measured: mps: torch 2.13.0+cpu is built without MPS" in text


def test_markdown_has_the_same_cells(saved: dict[str, Any]) -> None:
    saved["comparison"] = [
        {"name": "one at a time", "device": "cpu", "engine": "native", "ratio": 1.25}
    ]
    text, lines = terminal(saved), as_markdown(saved).splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    assert len(tables) == (2 + 8) + (2 + 7) + (2 + 1)
    assert "| one at a time | cpu, native | 1.25 |" in tables
    for line in tables:
        if "---" not in line:
            assert all(cell.strip() in text for cell in line.split("|"))
    for line in lines:
        assert line.startswith("|") or line in text


def test_costs_alone_are_one_table(saved: dict[str, Any]) -> None:
    for row in saved["rows"]:
        row |= {"recipe": None, "race": None}
    assert "time to a mean" not in terminal(saved)
    assert as_markdown(saved).count("| --- |") == 1


def test_many_networks_side_by_side_have_a_table(saved: dict[str, Any]) -> None:
    assert "side by side" not in as_markdown(saved)
    one = {"networks": 1024, "passes": 2.5, "of_passes": 23, "setup_seconds": 1.25}
    one |= {"seconds": 4.5, "networks_per_second": 24.7342, "test_error_percent": None}
    saved["throughput"] = [one, one | {"test_error_percent": {"mean": 4.4321}}]
    rows = as_markdown(saved).splitlines()
    assert "| 1,024 | 2.5 of 23 | 4.50 | 1.25 | 24.7 |  |" in rows
    assert "| 1,024 | 2.5 of 23 | 4.50 | 1.25 | 24.7 | 4.43% |" in rows
    assert "networks side by side, evaluated after each pass" in terminal(saved)


def test_names_from_a_file_cannot_act_on_a_terminal_or_a_table(saved: dict[str, Any]) -> None:
    saved["rows"][0]["name"] = "a\x1b[2Jb|c"
    saved["machine"]["cpu"] = "[bold]\x1b[2J"
    assert "\x1b" not in as_markdown(saved)
    assert "| a?[2Jb\\|c | cpu, native |" in as_markdown(saved)
    assert "[bold]?[2J" in terminal(saved)
