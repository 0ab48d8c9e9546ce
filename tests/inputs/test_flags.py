"""Flags as people type them: twice, by another name, or switched on by a variable."""

from collections.abc import Callable

import pytest

from lecun89.cli.app import _COMMANDS
from tests.conftest import Result

ONCE = "takes one value and is given twice: give it once"


@pytest.mark.parametrize(
    ("line", "exit_code", "words"),
    [
        ("train --seed 1 --seed 2", 2, f"--seed {ONCE}"),
        ("train --seed=1 --seed=1", 2, f"--seed {ONCE}"),
        ("train --passes 1 --dry-run --passes=1", 2, f"--passes {ONCE}"),
        ("bench --variant base --quick --variant fast", 2, f"--variant {ONCE}"),
        ("eval --split test record --split train", 2, f"--split {ONCE}"),
        ("doctor --data-dir a --data-dir b", 2, f"--data-dir {ONCE}"),
        ("train --resume a --resume b", 2, "--resume takes one run"),
        ("train --assume squash=tanh --assume nope=1", 2, "unknown assumption 'nope'"),
        ("sweep --grid seeds=0 --grid nope=1", 2, "unknown key 'nope'"),
    ],
)
def test_a_flag_of_one_value_is_given_once(
    line: str, exit_code: int, words: str, cli: Callable[..., Result]
) -> None:
    result = cli(*line.split())
    assert result.exit_code == exit_code
    assert words in result.error


@pytest.mark.parametrize("line", ["variants -q -q", "doctor --json --json", "variants --help -h"])
def test_a_switch_may_be_given_twice(line: str, cli: Callable[..., Result]) -> None:
    assert cli(*line.split()).exit_code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train --epochs 3", "No such option '--epochs': did you mean --passes?"),
        ("train --gpu", "did you mean --device cuda?"),
        ("train --cpu", "did you mean --device cpu?"),
        ("train --bs 16", "did you mean --batch-size?"),
        ("train --batch_size 16", "did you mean --batch-size?"),
        ("train --learning-rate 0.1", "did you mean --lr?"),
        ("train --model base", "did you mean --variant?"),
        ("eval --dataset full", "did you mean --data?"),
        ("errors --output here", "did you mean --out or --runs-dir?"),
        ("train --sead 3", "did you mean --seed?"),
        ("variants --epochs 3", "'--epochs': `lecun89 variants --help` lists them"),
        ("evaluate", "No such command 'evaluate': did you mean eval?"),
        ("trian", "did you mean train?"),
        ("eval --split val", "unknown split 'val': did you mean 'validation'?"),
        ("eval --split DEV", "did you mean 'validation'?"),
        ("train --device gpu", "unknown device 'gpu': did you mean 'cuda'?"),
        ("train --device metal", "did you mean 'mps'?"),
        ("train --data mnist", "unknown data 'mnist': did you mean '1989' or 'full'?"),
        ("train --data MNIST", "did you mean '1989' or 'full'?"),
        ("train --engine pytorch", "did you mean 'eager'?"),
        ("export record --format pytorch", "did you mean 'torch'?"),
    ],
)
def test_the_word_of_others_gets_a_hint(line: str, words: str, cli: Callable[..., Result]) -> None:
    result = cli(*line.split())
    assert result.exit_code == 2
    assert words in result.error


@pytest.mark.parametrize(
    ("value", "traceback"),
    [
        *((value, True) for value in ("1", "true", "YES", "On")),
        *((value, False) for value in ("0", "False", "no", "OFF", "")),
    ],
)
def test_a_variable_switches_tracebacks_on_or_off(
    value: str, traceback: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lecun89.cli import app

    monkeypatch.setenv("LECUN89_DEBUG", value)
    with pytest.raises(SystemExit) as ended:
        app(["train", "--nope"])
    assert ended.value.code == 2
    assert ("Traceback" in capsys.readouterr().err) is traceback


@pytest.mark.parametrize("value", ["2", "ja", "nope", " ", "1.0", "debug\x1b[2J", "x" * 9999])
def test_another_value_of_the_variable_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Result]
) -> None:
    monkeypatch.setenv("LECUN89_DEBUG", value)
    result = cli("variants")
    assert result.exit_code == 2
    assert result.error.startswith("LECUN89_DEBUG '")
    assert "is neither on nor off: give 1, true, yes, on, or 0, false, no, off" in result.error
    assert len(result.error) < 400
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("command", ["", *_COMMANDS])
def test_help_shows_no_type_behind_a_switch(command: str, cli: Callable[..., Result]) -> None:
    result = cli(*command.split(), "--help")
    assert result.exit_code == 0
    for line in result.stdout.splitlines():
        assert not any(word in line for word in ("<bool>", "BOOLEAN", "<str>", "<list[")), line
    assert "[[" not in result.stdout
