"""Imports flow one way: cli -> render and services -> engines -> models, data -> the rest."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lecun89
from tests.conftest import ROOT

SOURCE = Path(lecun89.__file__).parent

LAYERS = [
    {"version", "exceptions", "_native"},
    {"parsing", "devices", "storage"},
    {"cores"},
    {"variants"},
    {"network"},
    {"data"},
    {"export"},
    {"analysis"},
    {"reading"},
    {"engines"},
    {"settings"},
    {"teachers"},
    {"bench"},
    {"training"},
    {"sweeps"},
    {"page"},
    {"render"},
    {"api"},
    {"cli"},
]
ALLOWED = {
    "typer": {"cli"},
    "rich": {"cli", "render"},
    "torchvision": {"data"},
    "tensorboard": {"training"},
    "PIL": {"api", "reading", "render"},
    "matplotlib": {"api", "render"},
    "onnx": {"export"},
    "distributed": {"sweeps"},
    "filelock": {"storage"},
}
TORCH_AT_IMPORT = {"api", "network", "analysis", "engines", "teachers", "export", "page"}


@cache
def modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name not in ("__main__.py",) and path != SOURCE / "__init__.py"
    }


def room(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def imports(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_room_has_its_layer() -> None:
    assert {room(path) for path in modules()} | {"_native"} == set().union(*LAYERS)


@pytest.mark.parametrize("path", modules())
def test_a_module_imports_only_from_its_layer_or_below(path: str) -> None:
    height = {name: level for level, names in enumerate(LAYERS) for name in names}
    own = room(path)
    for name in imports(modules()[path]):
        parts = name.split(".")
        if parts[0] == "lecun89" and parts[1] != own:
            assert height[parts[1]] < height[own], f"{path} imports {name}"
        for package, rooms in ALLOWED.items():
            assert parts[0] != package or own in rooms, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules())
def test_torch_is_imported_late_outside_of_what_computes(path: str) -> None:
    top = ast.Module(
        [node for node in modules()[path].body if not isinstance(node, ast.If)], type_ignores=[]
    )
    heavy = {
        name
        for node in top.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imports(node)
        if name.split(".")[0] == "torch"
    }
    assert not heavy or room(path) in TORCH_AT_IMPORT


def test_every_public_name_is_there_with_a_docstring() -> None:
    for name in lecun89.__all__:
        value = getattr(lecun89, name)
        assert name in dir(lecun89)
        assert name in ("__version__", "VARIANTS") or value.__doc__
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = lecun89.trian  # type: ignore[attr-defined]


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = "import sys, lecun89; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "torch", "typer", "rich"} & {*found}


def test_the_map_in_contributing_is_the_folders() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = {name.rstrip("/") for name in re.findall(r"^ {6}(\S+)", text, re.M)}
    there = {
        path.name
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert drawn & {*there} == there - {"__main__.py"}
