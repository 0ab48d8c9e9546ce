import subprocess
import sys
from collections.abc import Callable

import pytest

from lecun89 import __version__
from tests.conftest import Result

COMMANDS = [
    "prepare", "train", "eval", "errors", "plot", "explain", "export", "variants", "doctor",
]  # fmt: skip


def test_help_names_every_command(cli: Callable[..., Result]) -> None:
    for args in ([], ["--help"], ["-h"]):
        result = cli(*args)
        assert result.exit_code == 0
        assert all(f" {command} " in result.stdout for command in COMMANDS)
        assert "Exit codes: 0 done; 1 runtime error; 2 usage;" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_in_80_columns(
    command: str, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = cli(command, "--help")
    assert result.exit_code == 0
    assert f"lecun89 {command}" in result.stdout or f"{command} [OPTIONS]" in result.stdout
    assert "--json" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_version(cli: Callable[..., Result]) -> None:
    assert cli("--version").stdout == f"lecun89 {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['lecun89', '--help']\n"
        "from lecun89.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'numpy', 'PIL', 'safetensors', 'matplotlib', 'multiprocessing'}\n"
        "assert heavy.isdisjoint(sys.modules), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_traceback_is_shown_when_asked_for(process: Callable[..., Result]) -> None:
    line = ["prepare", "--source", "nowhere"]
    for args in (["--debug", *line], [*line, "--debug"]):
        result = process(*args)
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: --source nowhere is no directory")
        assert result.exit_code == 4


def test_no_color_takes_the_colour_and_leaves_the_rest(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = cli("variants").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli("variants").stdout == plain
    assert "\x1b" not in plain
