"""Absurd command lines: one line of error, the documented exit code, and nothing left behind."""

import importlib
import os
import random
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from PIL import Image

from lecun89.exceptions import Lecun89Error
from tests.conftest import QUICKEST, Result

NO_NUMBERS = ("1_000", "٣", "''", "' 1'", "'1 '", "0x10", "1e", "++1", "1,5", "½", "{word}")
"""What is no number anywhere, though Python takes some of it; `{word}` is 100 kB long."""

LONG = {
    "{word}": "x" * 100_000,
    "{name}": "x" * 300,
    "{digits}": "9" * 100_000,
    "{odd}": "\udcff\x1b[31m\x07",
}


def of(
    flag: str, command: str, values: tuple[str, ...], message: str
) -> list[tuple[str, int, str]]:
    return [(f"{command} {flag} {value}", 2, message) for value in values]


def numeric(flag: str, command: str, whole: bool, out_of_range: str) -> list[tuple[str, int, str]]:
    """Lines with what is no number, and with numbers that the flag cannot have."""
    no_numbers = NO_NUMBERS + (("2.5", "nan", "1e3", "{digits}") if whole else ())
    return [
        *of(flag, command, no_numbers, f"{flag} "),
        *of(flag, command, tuple(out_of_range.split()), f"{flag} "),
    ]


HUGE = "99999999999999999999"

TABLE: list[tuple[str, int, str]] = [
    # No such command, no such flag, no value.
    ("trian", 2, "No such command 'trian'"),
    ("''", 2, "No such command ''"),
    ("-", 2, "No such command '-'"),
    ("{odd}", 2, "No such command"),
    ("{word}", 2, "No such command"),
    ("TRAIN", 2, "No such command 'TRAIN'"),
    ("--nope", 2, "No such option"),
    ("-x", 2, "No such option"),
    *((f"{name} --nope", 2, "No such option") for name in ("train", "variants", "doctor", "teach")),
    ("train --lr=", 2, "--lr '' is not a number"),
    ("train --variant", 2, "requires an argument"),
    ("train --json=yes", 2, "does not take a value"),
    ("train extra", 2, "unexpected extra argument"),
    ("train -- --lr 1", 2, "unexpected extra argument"),
    ("variants -", 2, "unexpected extra argument"),
    ("bench --quick extra", 2, "--quick is for measuring, and extra is printed as it is"),
    ("doctor base", 2, "unexpected extra argument"),
    ("eval one two", 2, "unexpected extra argument"),
    ("export one two", 2, "unexpected extra argument"),
    ("sweep one.toml two.toml", 2, "unexpected extra argument"),
    # Names.
    ("train --variant bse", 2, "unknown variant 'bse': did you mean 'base'?"),
    ("train --variant BASE", 2, "did you mean 'base'?"),
    ("train --variant ''", 2, "unknown variant ''"),
    ("train --variant {word}", 2, "unknown variant 'xxx"),
    ("train --variant {odd}", 2, "unknown variant"),
    ("train --variant --json", 2, "unknown variant '--json'"),
    ("train --variant base --variant nope", 2, "--variant takes one value and is given twice"),
    ("train --variant ../base", 2, "unknown variant '../base'"),
    ("train --variant base+", 2, "unknown assumption ''"),
    ("train --variant base+nope=1", 2, "unknown assumption 'nope'"),
    ("train --variant base+shift=9", 2, "shift 9 is out of range"),
    ("train --variant xent+half=yes", 2, "half only applies to squared error"),
    ("explain --variant nope", 2, "unknown variant 'nope'"),
    ("explain --variant microvit", 2, "explain is about the network of 1989"),
    ("explain --claims --then-and-now", 2, "--claims and --then-and-now cannot be combined"),
    ("explain --claims --variant base", 2, "--claims and --variant cannot be combined"),
    ("explain --then-and-now --variant base", 2, "--then-and-now and --variant cannot be"),
    ("explain --data-dir dir", 2, "--data-dir only applies to --then-and-now"),
    ("explain --claims --data-dir dir", 2, "--data-dir only applies to --then-and-now"),
    ("explain --then-and-now --data-dir ''", 2, "--data-dir '' is empty"),
    ("explain --then-and-now --data-dir /dev/null", 4, "another directory with --data-dir"),
    ("explain --then-and-now -q -v", 2, "-q and -v cannot be combined"),
    ("explain --then-and-now=yes", 2, "does not take a value"),
    ("explain --claims shared-weights", 2, "unexpected extra argument"),
    ("page --variants nope", 2, "unknown variant 'nope'"),
    ("page --variants microvit", 2, "the page cannot train microvit"),
    ("page --variants ''", 2, "unknown variant ''"),
    ("page --weights nowhere", 1, "nowhere"),
    ("page --out dir", 2, "is a directory"),
    ("page --out nowhere/x.html", 2, "there is no directory nowhere"),
    ("page --out file", 2, "exists"),
    ("page --port 1", 2, "--port only applies to --serve"),
    ("page --serve --port 65536", 2, "--port must be 0 to 65535"),
    ("page --serve --port x", 2, "--port 'x' is not a whole number"),
    ("page --serve --out x.html", 2, "leave out --out"),
    ("read", 2, "Missing argument 'IMAGE'"),
    ("read ''", 2, "IMAGE '' is empty"),
    ("read -", 2, "IMAGE '-' looks like a flag"),
    ("read {word}", 2, "is too long for a path"),
    ("read {name}", 1, "cannot read xxx"),
    ("read {odd}", 1, "cannot read ?"),
    ("read nowhere.png", 1, "cannot read nowhere.png: No such file"),
    ("read dir", 1, "dir is a directory"),
    ("read loop", 1, "cannot read loop"),
    ("read file", 1, "file is not an image"),
    ("read empty.png", 1, "empty.png is empty"),
    ("read fifo", 1, "fifo is not a regular file"),
    ("read /dev/zero", 1, "/dev/zero is not a regular file"),
    ("read half.png", 1, "half.png"),
    ("read bomb.png", 1, "bomb.png has more than 50,000,000 pixels"),
    ("read page.eps", 1, "page.eps is PostScript"),
    ("read file dir --json", 1, "2 of 2 pictures could not be read"),
    ("read white.png --weights nowhere", 1, "nowhere"),
    ("read white.png --weights file", 1, "file"),
    ("read white.png --weights {run} --data usps", 2, "was trained on 1989, not on usps"),
    ("read white.png --data nope", 2, "unknown data 'nope'"),
    ("LECUN89_DATA=nope read white.png", 2, "unknown data 'nope'"),
    ("read white.png --out file", 2, "file is no directory"),
    ("read white.png --out file/x", 1, "Not a directory"),
    ("read white.png --out .", 2, "would replace white.png, which is read"),
    ("read white.png --out . --force", 2, "would replace white.png, which is read"),
    ("read --nope", 2, "No such option"),
    ("teach --variant nope", 2, "unknown variant 'nope'"),
    ("teach --variant base", 2, "base has no teacher"),
    ("teach --data 1989", 2, "has no teacher on 1989"),
    ("teach --device tpu", 2, "unknown device 'tpu'"),
    ("bench --variant bas", 2, "did you mean 'base'"),
    ("ladder --variants base,nope", 2, "unknown variant 'nope'"),
    ("ladder --variants ''", 2, "unknown variant ''"),
    ("ladder --data mnist", 2, "unknown data 'mnist'"),
    ("ladder --data 1989,", 2, "unknown data ''"),
    ("train --data 1998", 2, "unknown data '1998': did you mean '1989'?"),
    ("train --data ../1989", 2, "unknown data '../1989'"),
    ("prepare --data mnist", 2, "unknown data 'mnist'"),
    ("prepare --data usps-fold3", 2, "usps-fold3 is cut from usps: give --data usps"),
    ("prepare --data {word}", 2, "unknown data 'xxx"),
    ("eval --data mnist", 2, "unknown data 'mnist'"),
    ("eval --split tset", 2, "unknown split 'tset': did you mean 'test'?"),
    ("errors --split all", 2, "unknown split 'all'"),
    ("plot --split ''", 2, "unknown split ''"),
    ("export --format keras", 2, "unknown format 'keras'"),
    ("export --data mnist", 2, "unknown data 'mnist'"),
    ("train --engine naive", 2, "unknown engine 'naive'"),
    ("train --engine native --device mps", 1, "device mps is not available"),
    ("train --engine graph --variant microvit", 2, "--engine graph cannot train microvit"),
    ("train --engine native --variant microvit", 2, "it knows the network of 1989, not microvit"),
    *of("--device", "train", ("gpu", "cuda:1000", "cuda:-1", "cuda:", "cuda:٣", "CPU"), "device"),
    ("train --device cuda:99", 1, "device cuda:99 is not available"),
    ("eval {run} --device cuda:99", 1, "device cuda:99 is not available"),
    ("bench --device cuda:99", 1, "nothing to measure on cuda:99"),
    ("bench --device tpu", 2, "unknown device 'tpu'"),
    ("eval --device tpu", 2, "unknown device 'tpu'"),
    # Numbers.
    *numeric("--passes", "train", True, f"0 -1 1000001 {HUGE}"),
    *numeric("--seed", "train", True, f"-1 4294967296 {HUGE}"),
    *numeric("--threads", "train", True, f"0 -1 100000 {HUGE}"),
    *numeric("--batch-size", "train", True, "0 -1 -0 all None FULL"),
    *numeric("--lr", "train", False, "nan -nan inf -inf 1e400 1e-400 1e60 1e-60 0 -0.0 -1 0.0e9"),
    *numeric("--checkpoint-seconds", "train", False, "nan -inf 0 -1 -1e400 1e-400"),
    *numeric("--workers", "train", True, "0 -1 AUTO"),
    *numeric("--workers", "sweep --grid passes=1", True, "0 -1"),
    *numeric("--workers", "ladder", True, "0 -1"),
    *numeric("--until-error", "bench", False, "nan inf -inf 0 100 -1 1e400"),
    *numeric("--reject-for", "eval {run}", False, "nan inf -1 101 1%% % 101%"),
    *numeric("--reject-for", "read white.png", False, "nan inf -1 101 1%% % 101%"),
    *numeric("--digit", "plot {run}", True, f"-1 2007 {HUGE}"),
    ("train --seed one", 2, "--seed 'one' is not a whole number"),
    ("train --checkpoint-seconds soon", 2, "--checkpoint-seconds 'soon' is not a number"),
    ("train --passes 1e6", 2, "--passes '1e6' is not a whole number"),
    ("train --lr fast", 2, "--lr 'fast' is not a number"),
    ("train --lr 0.1 --lr nan", 2, "--lr takes one value and is given twice"),
    ("teach --threads 0", 2, "--threads 0 is out of range"),
    ("eval {run} --threads 100000", 2, "--threads 100000 is out of range"),
    ("errors {run} --threads -1", 2, "--threads -1 is out of range"),
    ("train --variant sdlm --batch-size 64", 2, "--batch-size cannot be combined with sdlm"),
    # Lists of seeds.
    *(
        line
        for command in ("train", "bench", "ladder")
        for line in of(
            "--seeds",
            command,
            ("0..99999999999", "0..9999999", "a", "''", "3..0", "1,1", "0-9", "-1", "٣", "1_0"),
            "--seeds ",
        )
    ),
    ("train --seeds 4294967296", 2, "--seed 4294967296 is out of range"),
    ("bench --seeds 0,4294967296", 2, "--seed 4294967296 is out of range"),
    ("ladder --seeds 4294967295..4294967296", 2, "--seed 4294967296 is out of range"),
    ("train --seeds {digits}", 2, "--seeds '999"),
    # What cannot be combined.
    *(
        (f"{name} -q -v", 2, "cannot be combined")
        for name in (
            *("prepare", "train", "eval", "errors", "bench", "ladder", "teach", "plot"),
            *("page", "explain", "export", "variants", "doctor"),
        )
    ),
    ("sweep --grid passes=1 -q -v", 2, "cannot be combined"),
    ("read white.png -q -v", 2, "cannot be combined"),
    ("train --dry-run --resume x", 2, "cannot be combined"),
    ("train --seeds 0..3 --resume x", 2, "cannot be combined"),
    ("train --assume half=yes --resume x", 2, "cannot be combined"),
    ("train --seeds 0..3 --seed 1", 2, "cannot be combined"),
    ("train --resume {run} --resume {run}", 2, "--resume takes one run"),
    ("train --resume {run} --lr 0.5", 2, "--lr 0.5 conflicts with"),
    ("train --resume {run} --passes 0", 2, "--passes 0 is out of range"),
    ("train --resume {run} --threads 0", 2, "--threads 0 is out of range"),
    ("train --resume {run} --device cuda:99", 1 if QUICKEST == "eager" else 2, "cuda:99"),
    ("bench --quick --full", 2, "cannot be combined"),
    ("ladder --json --csv", 2, "cannot be combined"),
    ("ladder --csv --markdown", 2, "cannot be combined"),
    ("errors a b --diff c", 2, "--diff compares two runs"),
    ("errors a b --individual", 2, "--individual is for one run"),
    ("errors {run} {run}", 2, "a run is given twice"),
    ("errors {run} --diff {run}/config.json", 1, "config.json"),
    ("plot {run} {run} --digit 3", 2, "--digit shows one network"),
    # What the paper leaves open, and fields of a variant.
    ("train --assume ''", 2, "unknown assumption ''"),
    ("train --assume =", 2, "unknown assumption ''"),
    ("train --assume squash", 2, "unknown value of squash ''"),
    ("train --assume squahs=tanh", 2, "did you mean 'squash'?"),
    ("train --assume dropout=2", 2, "dropout 2.0 is out of range"),
    ("train --assume dropout=nan", 2, "dropout nan is out of range"),
    ("train --assume dropout=1_0", 2, "dropout '1_0' is not a number"),
    ("train --assume shift=٣", 2, "shift '٣' is not a whole number"),
    ("train --assume dropout=0.5", 2, "dropout and dropout-after of"),
    ("train --assume elastic=1e400", 2, "elastic inf is out of range"),
    ("train --assume shift={digits}", 2, "shift '999"),
    ("train --assume {word}", 2, "unknown assumption 'xxx"),
    ("train --assume teacher=1", 2, "unknown value of teacher '1'"),
    ("train --assume curvature=running", 2, "curvature only applies to sdlm"),
    # Paths.
    ("train --resume nowhere", 1, "no run or file at nowhere"),
    ("train --resume /dev/null", 1, "/dev/null"),
    ("train --resume dir", 1, "dir is not a run"),
    ("train --resume {odd}", 1, "no run or file at"),
    ("train --data-dir /dev/null", 4, "another directory with --data-dir"),
    ("train --data-dir ''", 2, "--data-dir '' is empty"),
    ("train --data-dir --json", 2, "--data-dir '--json' looks like a flag"),
    ("train --runs-dir ''", 2, "--runs-dir '' is empty"),
    ("train --runs-dir /dev/null --batch-size full", 1, "/dev/null"),
    ("train --runs-dir file --batch-size full", 1, "file"),
    ("train --runs-dir {word}", 2, "is too long for a path"),
    ("prepare --source nowhere", 4, "--source nowhere is no directory"),
    ("prepare --source ''", 2, "--source '' is empty"),
    ("prepare --source dir --data-dir none", 4, "dir"),
    ("prepare --data-dir /dev/null", 4, "another directory with --data-dir"),
    ("prepare --data-dir file", 4, "another directory with --data-dir"),
    ("prepare --data-dir {word}", 2, "is too long for a path"),
    ("prepare --verify --data-dir empty", 3, "train is missing"),
    ("prepare --data usps --source bundled", 4, "--source bundled is no directory"),
    ("doctor --data-dir ''", 2, "--data-dir '' is empty"),
    ("eval", 1, "no run in runs: make one with `lecun89 train`"),
    ("eval nowhere", 1, "no run or file at nowhere"),
    ("eval -", 1, "no run or file at -"),
    ("eval .", 1, "not a run: it has no config.json"),
    ("eval ''", 1, "not a run"),
    ("eval /dev/null", 1, "/dev/null is not a regular file"),
    ("eval file", 1, "file"),
    ("eval empty.json", 1, "empty.json"),
    ("eval {word}", 1, "xxx"),
    ("eval {odd}", 1, "no run or file at"),
    ("eval loop", 1, "loop"),
    ("eval record --data mnist", 2, "unknown data 'mnist'"),
    ("eval --runs-dir ''", 2, "--runs-dir '' is empty"),
    ("eval {run} --variant xent", 2, "--variant xent conflicts with"),
    ("errors", 1, "no run in runs"),
    ("errors nowhere", 1, "no run or file at nowhere"),
    ("errors {run} --out /dev/null", 2, "/dev/null is no directory"),
    ("errors {run} --out ''", 2, "--out '' is empty"),
    ("errors {run} --out file", 2, "file is no directory"),
    ("errors --across --runs-dir dir", 1, "no run in dir"),
    ("plot", 1, "no run in runs"),
    ("plot {run} --out /dev/null", 2, "/dev/null is no directory"),
    ("plot {run} {run}/weights.safetensors", 2, "is a weights file, which has no curves"),
    ("export", 1, "no run in runs"),
    ("export {run} --out dir", 2, "--out dir is a directory"),
    ("export {run} --out file", 2, "--out file exists: choose another file"),
    ("export {run} --out nowhere/x", 2, "there is no directory nowhere"),
    ("export {run} --out ''", 2, "--out '' is empty"),
    ("export {run} --out {word}", 2, "is too long for a path"),
    ("export {run} --out {name}", 1, "File name too long"),
    ("export record --data usps-tun", 2, "did you mean 'usps-tune'?"),
    ("ladder --plot file", 2, "is neither .png nor .svg"),
    ("ladder --plot nowhere/x.png", 2, "there is no directory nowhere"),
    ("ladder --plot dir.png", 2, "--plot dir.png is a directory"),
    ("ladder --plot ''", 2, "--plot '' is empty"),
    ("ladder --out file", 1, "cannot make file"),
    ("ladder --out ''", 2, "--out '' is empty"),
    ("bench --save dir --force", 2, "--save dir is a directory"),
    ("bench --save file", 2, "--save file exists"),
    ("bench --save nowhere/x.json", 2, "there is no directory nowhere"),
    ("bench --save ''", 2, "--save '' is empty"),
    ("bench --compare nowhere", 1, "cannot read nowhere"),
    ("bench --compare dir", 1, "dir is a directory"),
    ("bench --compare /dev/zero", 1, "/dev/zero is not a regular file"),
    ("bench --compare file", 1, "file is not JSON"),
    ("bench --compare empty.json", 1, "is not one of `lecun89 bench --save`"),
    ("bench --compare empty.json --force", 1, "is not one of `lecun89 bench --save`"),
    ("bench --compare norows.json --force", 1, "no row in common"),
    ("bench --compare {run}/config.json", 1, "is not one of `lecun89 bench --save`"),
    ("bench --fail-if slower:10%", 2, "--fail-if needs --compare"),
    *of(
        "--fail-if",
        "bench --compare empty.json",
        ("faster", "''", "slower", "slower:", "slower:-1", "slower:nan", "slower:٣", "slower:1_0"),
        "--fail-if ",
    ),
    # Sweeps.
    ("sweep", 2, "give either a FILE.toml or --grid"),
    ("sweep good.toml --grid lr=1", 2, "give either a FILE.toml or --grid"),
    ("sweep nowhere.toml", 1, "cannot read nowhere.toml"),
    ("sweep dir", 1, "dir is a directory"),
    ("sweep /dev/null", 1, "/dev/null is not a regular file"),
    ("sweep file", 1, "file is not TOML"),
    ("sweep ''", 2, "FILE.toml '' is empty"),
    ("sweep {word} --dry-run", 2, "is too long for a path"),
    ("sweep good.toml --out file", 1, "cannot make file"),
    ("sweep good.toml --out ''", 2, "--out '' is empty"),
    *of(
        "--grid",
        "sweep",
        ("''", "=", "lr", "lr=", "=1", "lr=1_0", "lr=nan", "lr=1e60", "lr=0.1,", "lr=' 1'"),
        "",
    ),
    *of(
        "--grid",
        "sweep",
        ("passes=0", "passes=1.5", "passes=٣", "batch-size=0", "engine=x", "device=x", "nope=1"),
        "",
    ),
    ("sweep --grid {word}", 2, "--grid 'xxx"),
    ("eval {run} --reject-for {digits}", 2, "--reject-for 999"),
    ("sweep --grid lr=1 --grid lr=2", 2, "--grid names lr twice"),
    ("sweep --grid varaint=base", 2, "did you mean 'variant'?"),
    ("sweep --grid seeds=0..99999999999", 2, "--seeds '0..99999999999'"),
    ("sweep --grid seeds=0..9999 --grid passes=1,2,3,4,5,6,7,8,9,10,11", 2, "more than 100,000"),
    *of(
        "--scheduler",
        "sweep --grid passes=1",
        ("''", "host", "tcp://", "tcp://host", "tcp://host:x", "tcp://host:٣", "{word}", "--json"),
        "is not like tcp://10.0.0.1:8786",
    ),
    ("ladder --scheduler nonsense", 2, "is not like tcp://10.0.0.1:8786"),
    # The environment.
    ("LECUN89_LR=nan train", 2, "--lr nan is out of range"),
    ("LECUN89_LR=1_0 train", 2, "--lr '1_0' is not a number"),
    ("LECUN89_PASSES=٣ train", 2, "--passes '٣' is not a whole number"),
    ("LECUN89_SEED=-nonsense train", 2, "--seed '-nonsense' is not a whole number"),
    ("LECUN89_BATCH_SIZE=-nonsense train", 2, "--batch-size '-nonsense' is neither"),
    ("LECUN89_DEVICE=-nonsense train", 2, "unknown device '-nonsense'"),
    ("LECUN89_DEVICE=gpu eval {run}", 2, "unknown device 'gpu'"),
    ("LECUN89_VARIANT=-nonsense train", 2, "unknown variant '-nonsense'"),
    ("LECUN89_VARIANT=nope explain", 2, "unknown variant 'nope'"),
    ("LECUN89_ENGINE=nope train", 2, "unknown engine 'nope'"),
    ("LECUN89_DATA=nope prepare", 2, "unknown data 'nope'"),
    ("LECUN89_DATA=nope eval {run}", 2, "unknown data 'nope'"),
    ("LECUN89_THREADS=0 train", 2, "--threads 0 is out of range"),
    ("LECUN89_THREADS=many eval {run}", 2, "--threads 'many' is neither a whole number nor auto"),
    ("LECUN89_WORKERS=0 train", 2, "--workers 0 is out of range"),
    ("LECUN89_WORKERS=x sweep --grid passes=1", 2, "--workers 'x' is not a whole number"),
    ("LECUN89_DATA_DIR=/dev/null prepare", 4, "another directory with --data-dir"),
    ("LECUN89_RUNS_DIR=nowhere eval", 1, "no run in nowhere"),
]

COMMANDS = {
    *("prepare", "train", "eval", "errors", "bench", "ladder", "sweep", "teach", "plot"),
    *("page", "read", "explain", "export", "variants", "doctor"),
}


@pytest.fixture
def mess() -> None:
    """What stands in the way, in the working directory."""
    Path("dir").mkdir()
    Path("dir.png").mkdir()
    Path("loop").symlink_to("loop")
    Path("file").write_text("\x00 {")
    Path("empty.json").write_text("{}")
    Path("norows.json").write_text('{"rows": []}')
    Path("good.toml").write_text("passes = 1\n")
    Image.new("L", (60, 40), 255).save("white.png")
    Path("empty.png").touch()
    Path("half.png").write_bytes(Path("white.png").read_bytes()[:50])
    Image.new("1", (10_000, 10_000)).save("bomb.png")
    Image.new("L", (9, 9)).save("page.eps")
    if hasattr(os, "mkfifo"):
        os.mkfifo("fifo")


def words_of(line: str, run: Path) -> tuple[dict[str, str], list[str]]:
    """Variables of the environment, and arguments."""
    words = shlex.split(line.replace("{run}", str(run)))
    for name, value in LONG.items():
        words = [word.replace(name, value) for word in words]
    variables = [word.split("=", 1) for word in words if word.startswith("LECUN89_")]
    return dict(variables), words[len(variables) :]


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def test_every_command_is_in_the_table() -> None:
    named = {word for line, _, _ in TABLE for word in shlex.split(line)[:2]}
    assert named >= COMMANDS
    assert set(click_commands()) == COMMANDS
    assert len({line for line, _, _ in TABLE}) == len(TABLE) >= 150


@pytest.mark.usefixtures("mess")
def test_bad_input_is_one_line_and_the_documented_code(
    cli: Callable[..., Result],
    base_run: tuple[Path, Result],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str], None],
) -> None:
    run, _ = base_run
    before, wrong, slowest = files(), [], 0.0
    for line, code, message in TABLE:
        variables, arguments = words_of(line, run)
        began = time.process_time()
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            result = cli(*arguments)
        seconds = time.process_time() - began
        slowest = max(slowest, seconds)
        lines = result.stderr.splitlines() or [""]
        made, before = files() - before, files()
        if not (
            (result.exit_code, result.stdout, made) == (code, "", set())
            and lines[-1].startswith("error: ")
            and sum(line.startswith("error: ") for line in lines) == 1
            and message in lines[-1]
            and "internal error" not in result.stderr
            and len(result.stderr) < 1500
            and seconds < 5
        ):
            what = f"exit code {result.exit_code}, {result.stderr[-300:]!r}"
            wrong.append(f"{line}: {what}, {len(result.stderr)} characters, made {made or None}")
    figure(
        f"{len(TABLE)} bad inputs, {len(wrong)} not as documented, slowest {slowest:.2f} s of CPU"
    )
    assert not wrong, "\n".join(wrong)


_WORDS = """
- -- --- -1 0 1 2 3 10 0.5 1.5 -0.0 nan inf -inf 1e400 1e-400 1e60 1e-60 1e6 0x10 1_000 ٣ ½ auto
full all yes none None true % 1% 100% , 1,2 0..9 0..9999 0..99999999999 .. . /dev/null /dev/full
/proc/self/mem dir file loop empty.json good.toml white.png fifo nowhere
nowhere/x.png base bse base+
base+dropout=nan base+shift=1+shift=2 sdlm microvit record modern xent+half=yes 1989 usps-tune cuda
cuda:0 cuda:99 cpu mps native eager graph test validation train onnx torch lr=1 lr=nan
variant=base,modern passes=1 seeds=0..9 = =x x= half=yes squash=scaled slower:10% slower:1e9
tcp://127.0.0.1:1 tcp://x bundled --json --lr -q
"""
NONSENSE = (
    *("", " ", "a\nb", "a\tb", "\udcff", "\x1b[31m", "\u202e", HUGE, "9" * 5000, "x" * 100_000),
    *shlex.split(_WORDS),
)


def click_commands() -> dict[str, Any]:
    from lecun89.cli import app

    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def random_line(rng: random.Random, run: Path) -> list[str]:
    """A command with some of its flags, each with nonsense or with something that may do."""
    name = rng.choice(sorted(COMMANDS))
    line = [name]
    parameters = click_commands()[name].params
    for parameter in rng.sample(parameters, rng.randint(1, min(4, len(parameters)))):
        value = rng.choice((*NONSENSE, str(run)))
        if parameter.param_type_name == "argument":
            line.append(value)
            continue
        flag = rng.choice(parameter.opts)
        if "--help" in parameter.opts:
            continue
        line += [flag] if parameter.is_flag and rng.random() < 0.9 else [flag, value]
    if rng.random() < 0.1:
        line.insert(rng.randrange(len(line) + 1), rng.choice(NONSENSE))
    return line


class WorkReachedError(Lecun89Error):
    """All of the command line was accepted: here the work would begin."""


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[None]:
    """Commands stop where they would download, prepare, measure or train."""

    def work(*args: object, **more: object) -> NoReturn:
        raise WorkReachedError("the work would begin")

    monkeypatch.setattr(importlib.import_module("lecun89.data.prepare"), "read_mnist", work)
    for name in (
        "lecun89.data.usps.read_usps",
        "lecun89.training.session.begin",
        "lecun89.training.session.resume",
        "lecun89.sweeps.create_seeds",
        "lecun89.sweeps.train",
        "lecun89.training.estimate.estimate",
        "lecun89.sweeps.Sweep.train",
        "lecun89.bench.Session.measure",
        "lecun89.analysis.arithmetic.measure_costs",
        "lecun89.teachers.session.train_member",
        "lecun89.storage.outputdir.write_files",
        "lecun89.export.export",
        "lecun89.page.assemble.assemble",
    ):
        monkeypatch.setattr(name, work)
    before = sorted(data_dir.rglob("*"))
    yield
    assert sorted(data_dir.rglob("*")) == before


@pytest.mark.usefixtures("mess", "no_work")
@pytest.mark.parametrize("lines", [200, pytest.param(20_000, marks=pytest.mark.slow)])
def test_random_flags_with_nonsense_are_done_or_refused(
    lines: int,
    cli: Callable[..., Result],
    base_run: tuple[Path, Result],
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    codes = dict.fromkeys((0, 1, 2, 3, 4), 0)
    reached, slowest = 0, 0.0
    for _ in range(lines):
        line = random_line(rng, base_run[0])
        began = time.process_time()
        result = cli(*line)
        seconds = time.process_time() - began
        slowest = max(slowest, seconds)
        what = f"{[word[:80] for word in line]}: {result.exit_code} {result.stderr[-500:]!r}"
        assert result.exit_code in codes, what
        assert "Traceback" not in result.stderr, what
        assert "internal error" not in result.stderr, what
        assert seconds < 5, what
        errors = [text for text in result.stderr.splitlines() if text.startswith("error: ")]
        assert len(errors) == (result.exit_code != 0), what
        assert all(len(text) < 1500 for text in errors), what
        codes[result.exit_code] += 1
        reached += "the work would begin" in result.stderr
    figure(
        f"{lines} lines, exit codes {codes}, {reached} to the work, slowest {slowest:.2f} s of CPU"
    )


@pytest.mark.parametrize("rate", ["1000", "3e38"])
@pytest.mark.parametrize("variant", ["base", "xent", "adamw", "paper"])
def test_a_learning_rate_that_kills_the_network_leaves_only_finite_results(
    variant: str, rate: str, cli: Callable[..., Result]
) -> None:
    result = cli("train", "--variant", variant, "--lr", rate, "--passes", 1, "--json")
    assert "internal error" not in result.stderr
    if result.exit_code == 0:
        document = result.document
        assert all(abs(split["loss"]) < float("inf") for split in document["splits"].values())
    else:
        assert result.exit_code == 1
        assert "non-finite" in result.error
        assert result.stdout == ""
    for path in Path("runs").rglob("*"):
        if path.suffix in (".json", ".jsonl"):
            text = path.read_text(encoding="utf-8")
            assert "NaN" not in text
            assert "Infinity" not in text
