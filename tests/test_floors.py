"""The oldest versions that pyproject.toml admits, and the newest that the registry has."""

import os
import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


def floors() -> list[str]:
    """Each dependency at the lowest version that is admitted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = [re.fullmatch(r"([\w-]+)(?:>=([\d.]+))?", line) for line in project["dependencies"]]
    # torchvision has no floor of its own: each is made for one torch.
    return [f"{found[1]}=={found[2]}" for found in versions if found is not None and found[2]]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_it_installs_imports_and_trains(which: str, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q"]
    wanted = floors() if which == "oldest" else []
    subprocess.run([*install, *wanted, ROOT], check=True, cwd=tmp_path)
    env = os.environ | {"LECUN89_DATA_DIR": str(tmp_path / "data"), "PYTHONWARNINGS": "default"}
    for arguments in (
        ("train", "--passes", "1"),
        ("train", "--engine", "eager", "--batch-size", "512", "--passes", "1"),
        ("eval",),
        ("errors", "-q"),
        ("doctor",),
    ):
        done = subprocess.run(
            [python, "-m", "lecun89", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=env,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
