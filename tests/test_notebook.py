"""docs/notebook.ipynb: as it is committed, and executed in a fresh kernel with short settings."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def printed(notebook: Any) -> str:
    """All that its cells print or show as text."""
    parts = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            assert output["output_type"] != "error", output
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            parts.append("".join(text))
    return "\n".join(parts)


def test_the_committed_one_has_its_outputs() -> None:
    assert NOTEBOOK.stat().st_size <= 600_000
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work)/", text)
    notebook = json.loads(text)
    assert all(
        cell["outputs"] or "import os" in "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    )
    found = printed(notebook)
    assert "9,760 parameters" in found
    assert "1,000 activations, 63,660 multiply-accumulates" in found
    assert "base on 1989, seed 1337: 4.09% test error, 82 of 2,007 missed" in found
    assert "record: 14 of 2,007 missed" in found
    assert found.count("on full, seed 1337") == 3


def test_it_runs_in_a_fresh_kernel(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("ipykernel", reason="installed without the extra notebook")
    nbclient = pytest.importorskip("nbclient", reason="installed without the extra notebook")
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    env = {
        "LECUN89_NOTEBOOK": "short",
        "LECUN89_DATA_DIR": str(data_dir),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=os.environ | env)
    found = printed(notebook)
    assert "drawn alike: True" in found
    assert "scaled alike: True" in found
    assert "base on 1989, seed 1337: 10.26% test error, 206 of 2,007 missed" in found
    assert "record: 14 of 2,007 missed" in found
