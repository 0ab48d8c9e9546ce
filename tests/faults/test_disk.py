"""Full disks, broken disks, directories that vanish: never a false success, nothing lost."""

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lecun89.data import DATA, SPLITS, load
from lecun89.training.runs import list_runs, open_run
from tests.conftest import wait_until
from tests.faults.harness import (
    OFTEN,
    TRAINING,
    Ended,
    Fault,
    Server,
    fingerprint,
    go_on,
    undisturbed,
    whole_run,
)

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EDQUOT)
RESUME = ("train", "--resume", "run")
COMMANDS: dict[str, tuple[object, ...]] = {
    "train": (*TRAINING["native"], *OFTEN),
    "train --seeds": ("train", "--seeds", "0..2", "--passes", 1, "--workers", 2),
    "train --resume": RESUME,
    "prepare": ("prepare", "--data-dir", "data"),
    "sweep": ("sweep", "--grid", "seeds=0,1", "--grid", "passes=1", "--grid", "batch-size=full"),
    "eval": ("eval", "run", "--json"),
    "errors": ("errors", "run"),
    "export": ("export", "run", "--out", "w.safetensors"),
    "export --format torch": ("export", "run", "--format", "torch", "--out", "w.pt"),
    "plot": ("plot", "run"),
    "read": ("read", "page.png", "--out", "seen"),
}
MOST = 700  # more than any of them has
SOME = {
    "train": 8,
    "train --resume": 6,
    "prepare": 3,
    "errors": 2,
    "export": 4,
    "eval": 4,
    "read": 4,
}


@pytest.fixture(scope="module")
def half(
    server: Server, tmp_path_factory: pytest.TempPathFactory, data_dir: Path
) -> tuple[Path, dict[str, Any]]:
    """A run that was stopped half-way and one pass of which is whole, and how it would end."""
    directory = tmp_path_factory.mktemp("half")
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    line = ("train", "--variant", "modern", "--batch-size", 96, "--passes", 12, *OFTEN)
    victim = server.start(*line, cwd=directory, env=env)
    wait_until(lambda: list(directory.glob("runs/*/weights.safetensors")))
    victim.send(2)
    assert victim.wait().code == 130
    (path,) = list_runs(directory / "runs")
    shutil.copytree(path, directory / "kept")
    assert server.run("train", "--resume", path, cwd=directory, env=env).code == 0
    return directory / "kept", fingerprint(open_run(path))


def one_line(ended: Ended, directory: Path) -> None:
    """The error names a path and a reason."""
    assert ended.code in (1, 4), ended
    reasons = [os.strerror(error) for error in ERRORS] + ["damaged", "let it end"]
    assert any(reason in ended.error for reason in reasons), ended
    assert "stdout" not in ended.error
    assert any(part in ended.error for part in ("/", ".", "runs", "sweep", "run")), ended


def is_done(name: str, directory: Path, right: dict[str, Any], half: dict[str, Any]) -> None:
    """What a command that says it succeeded must have left."""
    if name == "train":
        (path,) = list_runs(directory / "runs")
        assert fingerprint(open_run(path)) == right
    elif name == "train --resume":
        assert fingerprint(open_run(directory / "run")) == half
    elif name in ("train --seeds", "sweep"):
        runs = list_runs(directory / ("sweep/runs" if name == "sweep" else "runs"))
        assert len(runs) == (2 if name == "sweep" else 3)
        for path in runs:
            assert whole_run(path).load_state()[1].passes == 1
    elif name == "prepare":
        for split in SPLITS:
            assert (directory / "data" / "1989" / f"{split}.safetensors").exists()
            assert len(load("1989", split, directory / "data")) == DATA["1989"].totals[split]
    elif name == "read":
        for path in (directory / "seen" / "page.png", directory / "seen" / "page-strip.png"):
            Image.open(path).load()
    elif name.startswith("export"):
        (path,) = directory.glob("w.*")
        assert path.stat().st_size > 39_000
    else:
        whole_run(directory / "run")
    assert not list(directory.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("name", "share"),
    [
        *SOME.items(),
        *(pytest.param(name, None, marks=pytest.mark.slow) for name in COMMANDS),
    ],
)
def test_whatever_operation_fails_nothing_is_said_to_be_done_that_is_not(
    server: Server,
    whole: dict[str, dict[str, Any]],
    half: tuple[Path, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    name: str,
    share: int | None,
) -> None:
    kept, ends = half
    env = {"LECUN89_DATA_DIR": str(data_dir), "LECUN89_WORKERS": "2"}

    def prepare(label: str) -> Path:
        directory = tmp_path / label
        directory.mkdir()
        if "run" in COMMANDS[name]:
            shutil.copytree(kept, directory / "run")
        if name == "read":
            Image.fromarray(np.eye(60, dtype=np.uint8) * 255).save(directory / "page.png")
        return directory

    calls = undisturbed(server, *COMMANDS[name], cwd=prepare("count"), env=env)
    attacks = [(nth, mode) for nth in range(1, len(calls) + 1) for mode in ("once", "on")]
    attacks = rng.sample(attacks, min(share or MOST, len(attacks)))

    def attack(one: tuple[int, str]) -> bool:
        nth, mode = one
        directory = prepare(f"{nth}-{mode}")
        error = ERRORS[nth % len(ERRORS)]
        fault = Fault(mode, nth, error=error, below=directory)
        ended = server.run(*COMMANDS[name], cwd=directory, fault=fault, env=env)
        if ended.code == 0:
            is_done(name, directory, whole["native"], ends)
        else:
            one_line(ended, directory)
        if name == "train":
            go_on(server, directory, whole["native"])
        elif name == "train --resume":
            assert server.run(*RESUME, cwd=directory, env=env).code == 0
            assert fingerprint(open_run(directory / "run")) == ends
        else:  # with the disk mended it works
            more = ("--force",) if name.startswith(("export", "errors", "plot", "read")) else ()
            again = server.run(*COMMANDS[name], *more, cwd=directory, env=env)
            assert again.code == 0, again
        shutil.rmtree(directory)
        return ended.code != 0

    with ThreadPoolExecutor(2) as pool:
        failed = sum(pool.map(attack, attacks))
    figure(f"{len(attacks)} faults at {len(calls)} calls, {failed} failed, 0 false successes")


@pytest.mark.parametrize(
    "sizes", [pytest.param(6, id="some"), pytest.param(64, id="all", marks=pytest.mark.slow)]
)
def test_a_limit_on_the_size_of_files_is_told(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    figure: Callable[[str], None],
    sizes: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    failed = 0
    for number in range(sizes):
        limit = int(1500 * (300_000 / 1500) ** (number / (sizes - 1)))
        directory = tmp_path / str(limit)
        directory.mkdir()
        line = (*TRAINING["native"], *OFTEN, "-q")
        ended = server.run(*line, cwd=directory, env=env, limits={"RLIMIT_FSIZE": limit})
        if ended.code:
            assert ended.code == 1
            assert "File too large" in ended.error
            assert "runs" in ended.error
            failed += 1
        else:
            (path,) = list_runs(directory / "runs")
            assert fingerprint(open_run(path)) == whole["native"]
        go_on(server, directory, whole["native"])
    assert 0 < failed < sizes
    figure(f"{sizes} limits from 1.5 to 300 kB, {failed} failed and said so")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a file system here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize(
    "rooms", [pytest.param(4, id="some"), pytest.param(40, id="many", marks=pytest.mark.slow)]
)
def test_a_disk_that_fills_up_costs_nothing_that_was_saved(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    small_disk: Path,
    figure: Callable[[str], None],
    rooms: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    failed = 0
    for number in range(rooms):
        room = 8_000 + number * 400_000 // rooms
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
        (small_disk / "filler").write_bytes(bytes(free - room))
        ended = server.run(*TRAINING["native"], *OFTEN, cwd=small_disk, env=env)
        if ended.code:
            assert ended.code == 1, ended
            assert "No space left on device" in ended.error
            assert "runs" in ended.error
            failed += 1
        (small_disk / "filler").unlink()
        go_on(server, small_disk, whole["native"])
        shutil.rmtree(small_disk / "runs", ignore_errors=True)
    assert failed > 0
    figure(f"{rooms} sizes of the room left, {failed} full disks, nothing lost")


@pytest.mark.parametrize("what", ["runs", "run"])
def test_a_directory_that_vanishes_is_one_line(
    server: Server, data_dir: Path, tmp_path: Path, what: str
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    line = ("train", "--variant", "modern", "--passes", 400, *OFTEN)
    victim = server.start(*line, cwd=tmp_path, env=env)
    wait_until(lambda: not victim.runs() or list_runs(tmp_path / "runs"))
    (run,) = list_runs(tmp_path / "runs")
    (tmp_path / "runs" if what == "runs" else run).rename(tmp_path / "gone")
    ended = victim.wait()
    assert ended.code == 1
    assert "No such file or directory" in ended.error
    assert run.name in ended.error


def test_directories_without_permission_are_one_line(
    server: Server, base_run: tuple[Path, Any], data_dir: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(base_run[0], run)
    locked = tmp_path / "locked"
    locked.mkdir()
    for directory in (locked, run):
        directory.chmod(0o500)
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    for line, code in (
        (("train", "--runs-dir", "locked"), 1),
        (("train", "--runs-dir", "locked/runs"), 1),
        (("prepare", "--data-dir", "locked"), 4),
        (("train", "--data-dir", "locked/data"), 4),
        (("sweep", "--grid", "seeds=1", "--out", "locked/sweep"), 1),
        (("errors", "run", "--out", "locked/errors"), 1),
        (("export", "run", "--out", "locked/w.safetensors"), 1),
        (("train", "--resume", "run"), 1),
    ):
        ended = server.run(*line, cwd=tmp_path, env=env, mortal=True)
        assert ended.code == code, (line, ended)
        assert "Permission denied" in ended.error, (line, ended)
        assert "locked" in ended.error or "run" in ended.error
    assert list(locked.iterdir()) == []
    assert server.run("eval", "run", cwd=tmp_path, env=env, mortal=True).code == 0
    (run / "weights.safetensors").chmod(0)
    ended = server.run("eval", "run", cwd=tmp_path, env=env, mortal=True)
    assert (ended.code, "Permission denied" in ended.error) == (1, True)
