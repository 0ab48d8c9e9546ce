import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def test_help_is_quick_and_loads_no_torch() -> None:
    code = (
        "import sys; sys.argv = ['lecun89', '--help']\n"
        "from lecun89.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'numpy', 'torchvision', 'safetensors'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def seconds(*command: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        return time.perf_counter() - began

    # 0.3 s on an idle machine; measured against the interpreter's own start on a busy one.
    bare = min(seconds("-c", "import typer, rich.console, rich.panel") for _ in range(3))
    ours = min(seconds("-m", "lecun89", "--help") for _ in range(3))
    assert ours <= max(0.3, 2.5 * bare)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("trian", 2, "No such command 'trian'"),
        ("--nope", 2, "No such option"),
        ("train --nope", 2, "No such option"),
        ("train extra", 2, "unexpected extra argument"),
        ("train --variant", 2, "requires an argument"),
        ("train --variant bse", 2, "unknown variant 'bse': did you mean 'base'?"),
        ("train --data 1998", 2, "unknown data '1998': did you mean '1989'?"),
        ("train --device gpu", 2, "unknown device 'gpu'"),
        ("train --device cuda:1000", 2, "unknown device 'cuda:1000'"),
        ("train --engine naive", 2, "unknown engine 'naive'"),
        ("train --batch-size all", 2, "--batch-size 'all' is neither a number nor full"),
        ("train --batch-size 0", 2, "--batch-size 0 is out of range"),
        ("train --batch-size -5", 2, "--batch-size -5 is out of range"),
        ("train --passes 0", 2, "--passes 0 is out of range"),
        ("train --passes 2.5", 2, "--passes '2.5' is not a whole number"),
        ("train --lr 0", 2, "--lr 0.0 is out of range"),
        ("train --lr nan", 2, "--lr nan is out of range"),
        ("train --lr fast", 2, "--lr 'fast' is not a number"),
        ("train --seed -1", 2, "--seed -1 is out of range"),
        ("train --seed 4294967296", 2, "--seed 4294967296 is out of range"),
        ("train --seed one", 2, "--seed 'one' is not a whole number"),
        ("train --threads 0", 2, "--threads 0 is out of range"),
        ("train --threads 99999", 2, "--threads 99999 is out of range"),
        ("train --checkpoint-seconds 0", 2, "--checkpoint-seconds 0.0 is out of range"),
        ("train --checkpoint-seconds soon", 2, "--checkpoint-seconds 'soon' is not a number"),
        ("train --dry-run --resume x", 2, "contradict each other"),
        ("train -q -v", 2, "contradict each other"),
        ("train --resume nowhere", 1, "no run or file at nowhere"),
        ("train --data-dir /dev/null", 4, "another directory with --data-dir"),
        ("train --runs-dir /dev/null --batch-size full", 1, "/dev/null"),
        ("prepare --data mnist", 2, "unknown data 'mnist'"),
        ("prepare --source nowhere", 4, "--source nowhere is no directory"),
        ("prepare --data-dir /dev/null", 4, "another directory with --data-dir"),
        ("prepare --verify --data-dir empty", 3, "train is missing"),
        ("eval", 1, "no run in runs: make one with `lecun89 train`"),
        ("eval nowhere", 1, "no run or file at nowhere"),
        ("eval .", 1, "not a run: it has no config.json"),
        ("eval /dev/null", 1, "/dev/null is not a regular file"),
        ("eval --split tset", 2, "unknown split 'tset': did you mean 'test'?"),
        ("eval --data mnist", 2, "unknown data 'mnist'"),
        ("eval --device tpu", 2, "unknown device 'tpu'"),
        ("eval one two", 2, "unexpected extra argument"),
        ("variants --nope", 2, "No such option"),
        ("doctor --nope", 2, "No such option"),
    ],
)
def test_bad_input_is_one_line_and_the_documented_code(
    line: str, code: int, message: str, cli: Callable[..., Result]
) -> None:
    result = cli(*line.split())
    assert message in result.error
    assert result.exit_code == code
    assert result.stdout == ""
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", ["PASSES", "LR", "SEED", "BATCH_SIZE", "DEVICE", "VARIANT"])
def test_a_bad_environment_is_one_line_too(
    name: str, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LECUN89_{name}", "-nonsense")
    result = cli("train")
    assert "-nonsense" in result.error
    assert result.exit_code == 2


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
