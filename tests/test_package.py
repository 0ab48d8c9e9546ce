import re
import tomllib
from pathlib import Path

from lecun89 import __version__

ROOT = Path(__file__).parent.parent


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert __version__ in versions[:2]  # below Unreleased, where there is such a heading


def test_the_readme_names_the_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install . && lecun89 train\n" in readme
    assert 'pip install ".[test]" && pytest\n' in readme


def test_what_is_installed_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[>=\[]", line)[0] for line in project["dependencies"]]
    assert names == [
        "torch", "torchvision", "typer", "shellingham", "rich", "numpy", "safetensors",
        "platformdirs", "filelock", "pillow",
    ]  # fmt: skip
    assert {"test", "dev", "tensorboard"} <= project["optional-dependencies"].keys()
