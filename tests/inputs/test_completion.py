"""Tab in the shells that people have."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import shellingham

from lecun89.data import DATA, SPLITS
from lecun89.engines import ENGINES
from lecun89.export import FORMATS
from lecun89.variants import VARIANTS
from tests.conftest import Result

COMPLETE = "_LECUN89_COMPLETE"


@pytest.fixture
def tab(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What bash is offered behind a line."""

    def complete(line: str) -> list[str]:
        monkeypatch.setenv(COMPLETE, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        result = cli()
        assert result.exit_code == 0
        assert result.stderr == ""
        return result.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lecun89 tr", ["train"]),
        ("lecun89 train --variant ", list(VARIANTS)),
        ("lecun89 train --variant mod", ["modern", "modern-h3"]),
        ("lecun89 bench --variant fa", ["fast"]),
        ("lecun89 train --data ", list(DATA)),
        ("lecun89 ladder --data f", ["full", "full-tune"]),
        ("lecun89 train --engine ", ["auto", *ENGINES]),
        ("lecun89 train --device ", ["auto", "cpu", "cuda", "mps"]),
        ("lecun89 --debug eval --split ", [*SPLITS, "all"]),
        ("lecun89 errors --split ", list(SPLITS)),
        ("lecun89 export --format ", list(FORMATS)),
        ("lecun89 train --seed 1 --seed 2 --engine n", ["native"]),
        ("lecun89 train --nope --passes x --engine n", ["native"]),
        ("lecun89 eval ", ["record"]),
        ("lecun89 plot ", ["record"]),
        ("lecun89 read --weights ", ["record"]),
        ("lecun89 nonsense tr", ["train"]),
    ],
)
def test_names_are_completed(
    line: str, expected: list[str], tab: Callable[[str], list[str]]
) -> None:
    assert tab(line) == expected


def test_runs_are_completed_the_newest_first_and_files_behind_them(
    tab: Callable[[str], list[str]],
) -> None:
    old, *ours = (f"20260101T00000{n}Z-base-1989-s{n}" for n in range(3))
    for path in (f"here/{old}", *(f"here/seeds/runs/{name}" for name in ours)):
        Path(path).mkdir(parents=True)
        Path(path, "config.json").write_text("{}")
    runs = [*reversed(ours), old]
    Path("here/seeds/seeds.json").write_text("{}")
    Path("w.safetensors").touch()
    Path("w.txt").touch()
    Path(".hidden").mkdir()
    networks = [*runs, "record", "here/", "w.safetensors"]
    assert tab("lecun89 eval --runs-dir here ") == networks
    assert tab("lecun89 plot --runs-dir here ") == networks
    assert tab(f"lecun89 errors --runs-dir here {old} here/2") == [f"here/{old}/"]
    assert tab("lecun89 train --runs-dir here --resume ") == ["seeds", old]
    assert tab("lecun89 eval --runs-dir nowhere nowhere/") == []
    assert tab("lecun89 eval .h") == [".hidden/"]


def test_pictures_are_completed(tab: Callable[[str], list[str]]) -> None:
    Path("scans").mkdir()
    for name in ("zip.png", "scans/ZIP.JPG", "scans/zip.tiff", "scans/zip.txt"):
        Path(name).touch()
    assert tab("lecun89 read ") == ["scans/", "zip.png"]
    assert tab("lecun89 read zip.png scans/z") == ["scans/zip.tiff"]
    assert tab("lecun89 read scans/Z") == ["scans/ZIP.JPG"]


@pytest.mark.parametrize(
    ("shell", "env", "words"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "lecun89 train --engine n"}, '"native"'),
        (
            "fish",
            {
                "_TYPER_COMPLETE_ARGS": "lecun89 train --engine n",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
            "native\tC++",
        ),
        (
            "powershell",
            {
                "_TYPER_COMPLETE_ARGS": "lecun89 train --engine n",
                "_TYPER_COMPLETE_WORD_TO_COMPLETE": "n",
            },
            "native:::C++",
        ),
    ],
)
def test_other_shells_are_served(
    shell: str,
    env: dict[str, str],
    words: str,
    cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {COMPLETE: f"complete_{shell}", **env}.items():
        monkeypatch.setenv(name, value)
    result = cli()
    assert result.exit_code == 0
    assert words in result.stdout


def test_completing_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from lecun89.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    for words in ("eval ", "train --data ", "train --engine ", "export --format "):
        line = f"lecun89 {words}"
        env = {COMPLETE: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | env, capture_output=True, check=True
        )
        assert done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_and_installed(
    shell: str, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    shown = cli("--show-completion")
    assert shown.exit_code == 0
    assert COMPLETE in shown.stdout
    installed = cli("--install-completion")
    assert installed.exit_code == 0
    assert f"{shell} completion installed in {tmp_path}" in installed.stdout.replace("\n", "")
    texts = [path.read_text() for path in tmp_path.rglob("*lecun89*") if path.is_file()]
    assert any(shown.stdout.strip() in text for text in texts)


def _no_shell() -> tuple[str, str]:
    raise shellingham.ShellDetectionFailure


@pytest.mark.parametrize("flag", ["--show-completion", "--install-completion"])
@pytest.mark.parametrize(
    ("detect", "words"),
    [
        (_no_shell, "no completion for the shell of an unknown name: ask in bash, zsh, fish or"),
        (lambda: ("tcsh", "/bin/tcsh"), "no completion for the shell tcsh"),
    ],
)
def test_a_shell_without_completion_is_one_line(
    flag: str,
    detect: Callable[[], tuple[str, str]],
    words: str,
    cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shellingham, "detect_shell", detect)
    result = cli(flag)
    assert result.exit_code == 2
    assert words in result.error


def test_a_file_of_the_shell_that_is_no_text_is_one_line(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    (tmp_path / ".bashrc").write_bytes(b"export A=\xff\n")
    result = cli("--install-completion")
    assert result.exit_code == 1
    assert "cannot install completion for bash" in result.error
    assert (tmp_path / ".bashrc").read_bytes() == b"export A=\xff\n"
