"""Surroundings that must not matter: the same bits and the same JSON, wherever a command runs."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.conftest import Result, command

Variables = dict[str, str | None]
"""Values of environment variables; None for one that is not set."""


@dataclass(frozen=True)
class Surroundings:
    """Where and how a command is run; see `surroundings`."""

    name: str
    variables: Variables = field(default_factory=dict)
    options: tuple[str, ...] = ()
    umask: int = 0o022
    directory: str = "plain"
    closed: str = ""


def both(name: str, *variables: str) -> list[Surroundings]:
    """One for each ``NAME=VALUE ...``; ``NAME`` alone is not set."""
    made = []
    for text in variables:
        values: Variables = {}
        for word in text.split():
            key, equals, value = word.partition("=")
            values[key] = value if equals else None
        made.append(Surroundings(f"{name} {text}", values))
    return made


AXES: tuple[tuple[Surroundings, ...], ...] = (
    (
        *both("locale", "LC_ALL=C", "LC_ALL=POSIX", "LC_ALL=C.UTF-8", "LC_ALL=tr_TR.UTF-8"),
        *both("locale", "LC_ALL=de_DE.UTF-8", "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0"),
        *both(
            "locale", "PYTHONIOENCODING=ascii", "PYTHONIOENCODING=utf-16", "LANG= LC_ALL LC_CTYPE"
        ),
    ),
    (*both("time zone", "TZ=UTC", "TZ=Asia/Kathmandu", "TZ=Pacific/Apia", "TZ=nonsense", "TZ="),),
    (
        Surroundings("in a directory with spaces", directory="two words"),
        Surroundings("in a directory beyond ASCII", directory="Größe ٣ 数"),
        Surroundings("in /", directory="/"),
    ),
    (
        Surroundings("umask 077", umask=0o077),
        Surroundings("umask 000", umask=0),
        Surroundings("umask 027", umask=0o027),
    ),
    (
        *both("terminal", "NO_COLOR=1", "FORCE_COLOR=1", "TERM=dumb", "TERM=", "CLICOLOR_FORCE=1"),
        *both("terminal", "COLUMNS=1", "COLUMNS=20", "COLUMNS=80", "COLUMNS=500", "COLUMNS=0"),
        *both("terminal", "COLUMNS=wide", "COLUMNS", "NO_COLOR=1 FORCE_COLOR=1 COLUMNS=1"),
    ),
    (
        *both("threads", *(f"{name}=1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))),
        *both("threads", *(f"OMP_NUM_THREADS={n} MKL_NUM_THREADS={n}" for n in (2, 7))),
        *both("threads", *(f"OPENBLAS_NUM_THREADS={n} OMP_NUM_THREADS" for n in (1, 2, 7))),
        *both("threads", "OMP_DYNAMIC=TRUE OMP_PROC_BIND=close"),
    ),
    (
        *both("Python", "PYTHONHASHSEED=0", "PYTHONHASHSEED=1", "PYTHONHASHSEED=4294967295"),
        *both("Python", "PYTHONOPTIMIZE=1", "PYTHONOPTIMIZE=2", "PYTHONWARNINGS=error"),
        *both("Python", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONDEVMODE=1"),
        Surroundings("Python -W error", options=("-W", "error")),
        Surroundings("Python -bb -O", options=("-bb", "-O")),
    ),
    (
        *both(
            "home", "HOME", "XDG_CACHE_HOME", "HOME XDG_CACHE_HOME", "HOME=/nonexistent", "PATH="
        ),
        *both("home", "HOME USER LOGNAME LANG LC_ALL", "MPLBACKEND=nonsense"),
    ),
    (Surroundings("stdin closed", closed="0"), Surroundings("stderr closed", closed="2")),
)

NATIVE = ("train", "--variant", "modern", "--passes", "2", "--json")
EAGER = (*("train", "--engine", "eager", "--batch-size", "512", "--passes", "1"), "--json")
SHORT = (NATIVE, ("errors", "--json"), EAGER)
LONG = (
    *(*SHORT, ("eval", "--json"), ("prepare", "--json"), ("prepare", "--verify", "--json")),
    *(("variants", "--json"), ("explain", "--json"), ("train", "--dry-run", "--json")),
)
PLACES = {"run", "path", "seconds", "machine", "costs", "estimate", "files", "wall_seconds"}


def together(some: tuple[Surroundings, ...]) -> Surroundings:
    """Several at once, one of each axis."""
    return Surroundings(
        " + ".join(one.name for one in some),
        {name: value for one in some for name, value in one.variables.items()},
        tuple(option for one in some for option in one.options),
        next((one.umask for one in some if one.umask != 0o022), 0o022),
        next((one.directory for one in some if one.directory != "plain"), "plain"),
        "".join(one.closed for one in some),
    )


def run_in(surroundings: Surroundings, arguments: tuple[str, ...], base: Path) -> Result:
    """A command in those surroundings, its runs below `base`."""
    directory = Path("/") if surroundings.directory == "/" else base / surroundings.directory
    directory.mkdir(exist_ok=True, parents=True)
    env = dict(os.environ)
    for name, value in surroundings.variables.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    python, *rest = command(*arguments)
    closed = " ".join(f"{number}>&-" for number in surroundings.closed)
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", python, *surroundings.options, *rest],
        capture_output=True,
        env=env,
        cwd=directory,
        umask=surroundings.umask,
        timeout=300,
        check=False,
    )
    encoding = (env.get("PYTHONIOENCODING") or "utf-8").partition(":")[0]
    stdout, stderr = done.stdout.decode(encoding), done.stderr.decode(encoding, "replace")
    return Result(done.returncode, stdout, stderr)


def without_places(value: Any) -> Any:
    """A document without what differs between two runs."""
    if isinstance(value, dict):
        return {key: without_places(one) for key, one in value.items() if key not in PLACES}
    return [without_places(one) for one in value] if isinstance(value, list) else value


def tensors(path: Path) -> bytes:
    """The names and bytes of tensors."""
    arrays = sorted(load_file(path).items())
    return b"".join(name.encode() + array.tobytes() for name, array in arrays)


def outcome(
    surroundings: Surroundings, lines: tuple[tuple[str, ...], ...], base: Path, data_dir: Path
) -> dict[str, Any]:
    """What the commands give: documents, and digests and metrics of runs."""
    base.mkdir()
    runs = base / ("runs" if surroundings.directory in ("plain", "/") else surroundings.directory)
    found: dict[str, Any] = {}
    for line in lines:
        more = []
        if line[0] in ("train", "eval", "errors"):
            more += ["--runs-dir", str(runs)]
        if line[0] not in ("variants", "explain"):
            # Where it is prepared already: but for `prepare`, which does it.
            more += [
                "--data-dir",
                str(base / "data" if line == ("prepare", "--json") else data_dir),
            ]
        result = run_in(surroundings, (*line, *more), base)
        key = " ".join(line)
        found[key] = (result.exit_code, "Traceback" in result.stderr)
        if result.exit_code != 0:
            found[key] = (result.exit_code, result.stderr[-1000:])
            continue
        found[f"{key}, document"] = without_places(json.loads(result.stdout))
        if line[0] == "train" and "--dry-run" not in line:
            run = Path(json.loads(result.stdout)["run"])
            for name in ("weights", "state"):
                path = run / f"{name}.safetensors"
                # Seconds are in the state, by a digest of the metrics.
                content = path.read_bytes() if name == "weights" else tensors(path)
                found[f"{key}, {name}"] = hashlib.sha256(content).hexdigest()
            metrics = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            found[f"{key}, metrics"] = [without_places(json.loads(text)) for text in metrics]
    for path in base.rglob("*"):
        if path.name in (surroundings.directory, *(runs.name, "data")) or path == runs:
            continue  # made by this test, or by all
        wanted = (0o777 if path.is_dir() else 0o666) & ~surroundings.umask
        mode = path.stat().st_mode & 0o777
        if mode != wanted:
            found.setdefault("modes", []).append(f"{path.name}: {mode:o}, not {wanted:o}")
    return found


def differences(
    chosen: list[Surroundings],
    lines: tuple[tuple[str, ...], ...],
    directory: Path,
    data_dir: Path,
) -> list[str]:
    """What differs from the plain surroundings, in words."""

    def do(job: tuple[int, Surroundings]) -> dict[str, Any]:
        number, one = job
        return outcome(one, lines, directory / f"{number}", data_dir)

    with ThreadPoolExecutor(2) as pool:
        plain, *others = pool.map(do, enumerate([Surroundings("plain"), *chosen]))
    assert all(plain[" ".join(line)] == (0, False) for line in lines), plain
    assert "modes" not in plain, plain["modes"]
    return [
        f"{one.name}: {key} is {str(other.get(key))[:1000]}"
        for one, other in zip(chosen, others, strict=True)
        for key in sorted(plain.keys() | other.keys())
        if plain.get(key) != other.get(key)
    ]


def test_surroundings_do_not_change_results(
    tmp_path: Path, data_dir: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    chosen = [together(tuple(rng.choice(axis) for axis in AXES))]
    wrong = differences(chosen, SHORT, tmp_path, data_dir)
    figure(f"{len(chosen)} mixed surroundings, {len(SHORT)} commands, {len(wrong)} differences")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_none_of_all_surroundings_changes_results(
    tmp_path: Path, data_dir: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    # Each of every axis at least once, in mixtures that the seed decides.
    most = max(map(len, AXES))
    columns = [(rng.sample(axis, len(axis)) * most)[:most] for axis in AXES]
    chosen = [together(row) for row in zip(*columns, strict=True)]
    wrong = differences(chosen, LONG, tmp_path, data_dir)
    figure(
        f"{sum(map(len, AXES))} surroundings in {most} mixtures, {len(LONG)} commands in each, "
        f"{len(wrong)} differences"
    )
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize(
    "line",
    [
        "variants",
        *(
            pytest.param(line, marks=pytest.mark.slow)
            for line in (
                "--help",
                "--version",
                "variants --json",
                "variants -q",
                "train --help",
                "train --batch-size full --passes 2",
                "train --batch-size full --passes 2 --json",
                "train --batch-size full --passes 2 -q",
                "train --dry-run",
                "eval record",
                "eval record --json",
                "errors record --out errors",
                "doctor",
                "explain",
                "prepare",
                "sweep --grid passes=1 --dry-run",
            )
        ),
    ],
)
def test_a_full_disk_behind_stdout_is_one_line(line: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*line.split()), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "No space left on device" in Result(done.returncode, "", done.stderr).error
    assert done.returncode == 1
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("line", ["variants --json", "train --batch-size full --passes 2"])
def test_a_closed_stdout_is_no_error(line: str) -> None:
    words = command(*line.split())
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_closed_or_full_stderr_does_not_hide_the_exit_code() -> None:
    for redirection in ("2>&-", "2>/dev/full") if Path("/dev/full").exists() else ("2>&-",):
        for line, code in (("train --lr nan", 2), ("variants -q", 0)):
            words = command(*line.split())
            done = subprocess.run(
                ["sh", "-c", f'exec "$@" {redirection}', "sh", *words],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert done.returncode == code, (line, redirection)
            assert done.stdout.startswith("base\n") if code == 0 else done.stdout == ""


def test_where_nobody_has_a_home_the_data_directory_can_be_named(tmp_path: Path) -> None:
    code = "from lecun89.data import default_data_dir\nprint(default_data_dir())\n"
    gone = ("HOME", "XDG_CACHE_HOME", "LECUN89_DATA_DIR")
    homeless = {name: value for name, value in os.environ.items() if name not in gone}

    def printed(env: dict[str, str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert printed(homeless).endswith("lecun89")
    assert "~" not in printed(homeless)
    assert printed(homeless | {"LECUN89_DATA_DIR": str(tmp_path)}) == str(tmp_path)
