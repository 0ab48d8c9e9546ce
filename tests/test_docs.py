"""What the documentation shows works as it is shown."""

import doctest
import inspect
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import lecun89
from lecun89.render import benchtable
from tests.conftest import ROOT, load_benchmark

RESULTS = ROOT / "benchmarks" / "results"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(test: doctest.DocTest) -> None:
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert result.attempted
    assert not result.failed, "".join(said)


@pytest.mark.parametrize("name", lecun89.__all__)
def test_the_examples_of_a_public_name_work(name: str) -> None:
    value = getattr(lecun89, name)
    text = inspect.getdoc(value) or ""
    functions = ("evaluate", "get_variant", "list_variants", "load_digits", "load_model", "misses")
    assert name not in (*functions, "predict", "read", "train", "train_many") or ">>>" in text
    if inspect.isroutine(value):
        run(doctest.DocTestParser().get_doctest(text, {}, name, None, 0))


def test_the_python_page_works(tmp_path: Path) -> None:
    pytest.importorskip("lecun89._native", reason="its examples name the native engine")
    digits = lecun89.load_digits("1989").test
    originals = digits.originals()
    assert originals is not None
    Image.fromarray(255 - originals[0]).resize((200, 200)).save(tmp_path / "my-digit.png")
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    code = "".join(block.partition("```")[0] for block in text.split("```python\n")[1:])
    code = code.replace('hub.load(".",', f"hub.load({str(ROOT)!r},")
    run(doctest.DocTestParser().get_doctest(code, {}, "python.md", None, 0))


def test_torch_hub_offers_the_published_weights() -> None:
    network = torch.hub.load(str(ROOT), "record", source="local", data="1989")
    assert lecun89.evaluate(network, lecun89.load_digits("1989").test).misses == 14


def section(heading: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def tables(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_readme_has_the_costs_that_were_measured_and_no_others() -> None:
    """What `lecun89 bench FILE --markdown` prints of each result of a CPU, and then of a GPU."""
    paths = [path for kind in ("bench", "gpu") for path in sorted(RESULTS.glob(f"{kind}_*.json"))]
    assert paths
    found = [benchtable.as_markdown(json.loads(path.read_text("utf-8"))) for path in paths]
    shown = section("### Every way of training")
    assert tables(shown) == [line for text in found for line in tables(text)]
    for text in found:  # which say on what
        assert f"\n{text.splitlines()[0]}\n" in shown


def test_readme_has_the_ladder_that_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(map(str, RESULTS.glob("ladder_*.csv")))
    assert len(paths) == 3
    monkeypatch.setattr("sys.argv", ["ladder.py", *paths])
    load_benchmark("ladder").main()
    assert tables(section("## The ladder, with error bars")) == tables(capsys.readouterr().out)
