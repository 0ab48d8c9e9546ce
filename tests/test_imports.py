"""Imports flow one way: cli -> render and services -> engines -> models, data -> the rest."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

import lecun89

SOURCE = Path(lecun89.__file__).parent

LAYERS = [
    {"version", "exceptions", "_native"},
    {"parsing", "devices", "storage"},
    {"variants"},
    {"network"},
    {"data"},
    {"export"},
    {"analysis", "reading"},
    {"engines"},
    {"settings"},
    {"teachers"},
    {"bench"},
    {"training"},
    {"sweeps"},
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
    "matplotlib": {"render"},
    "onnx": {"export"},
    "distributed": {"sweeps"},
    "filelock": {"storage"},
}
TORCH_AT_IMPORT = {"api", "network", "analysis", "engines", "teachers", "export"}


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


def test_the_public_names_are_there() -> None:
    assert sorted(lecun89.__all__) == sorted(
        ["VARIANTS", "Lecun89Error", "Variant", "__version__", "get_variant"]
    )
    assert all(hasattr(lecun89, name) for name in lecun89.__all__)
    assert sys.modules["lecun89"] is lecun89
