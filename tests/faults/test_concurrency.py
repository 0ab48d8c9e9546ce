"""Several processes at one place: each gets what it would have got alone, or one line."""

import errno
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lecun89 import data
from lecun89.exceptions import Lecun89Error
from lecun89.storage.locks import exclusive
from lecun89.training.runs import list_runs, open_run
from tests.faults.harness import OFTEN, TRAINING, Fault, Server, go_on, whole_run

# In turn: the file system's locks work, it has none, their daemon is away.
LOCKS = (0, errno.ENOSYS, errno.ENOLCK)
ROUNDS = [3, pytest.param(100, marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_sixteen_prepares_make_the_same_digits(
    server: Server, tmp_path: Path, figure: Callable[[str], None], rounds: int
) -> None:
    processes = 16 if rounds > 3 else 4
    for number in range(rounds):
        directory = tmp_path / str(number)
        directory.mkdir()
        fault = Fault(no_locks=LOCKS[number % 3])
        line = ("prepare", "--data-dir", directory, "--json")
        victims = [server.start(*line, cwd=directory, fault=fault) for _ in range(processes)]
        ended = [victim.wait(300) for victim in victims]
        assert {one.code for one in ended} == {0}, ended
        assert len({one.stdout for one in ended}) == 1
        data.verify("1989", directory)
        assert len(list(directory.rglob("*.*"))) == 3
        shutil.rmtree(directory)
    figure(f"{rounds} times {processes} prepares at once, 0 mismatches")


@pytest.mark.parametrize("rounds", ROUNDS)
def test_eval_sees_a_whole_pass_of_a_run_in_training(
    server: Server,
    data_dir: Path,
    tmp_path: Path,
    figure: Callable[[str], None],
    rounds: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    looks = 0
    for number in range(rounds):
        fault = Fault(no_locks=LOCKS[number % 3])
        directory = tmp_path / str(number)
        directory.mkdir()
        line = ("train", "--variant", "modern", "--batch-size", "full", "--passes", 12, *OFTEN)
        victim = server.start(*line, cwd=directory, fault=fault, env=env)
        while not list(directory.glob("runs/*/weights.safetensors")):
            time.sleep(0.005)
        (path,) = list_runs(directory / "runs")
        seen = []
        while victim.runs():
            ended = server.run("eval", path, cwd=directory, env=env, fault=fault)
            assert ended.code == 0, ended
            seen.append(int(re.search(r"misses: (\d+)", ended.stdout)[1]))  # type: ignore[index]
            whole_run(path)
        assert victim.wait().code == 0
        misses = [result.test.misses for result in open_run(path).read_metrics()]
        assert set(seen) <= set(misses)
        looks += len(seen)
        shutil.rmtree(directory)
    figure(f"{rounds} trainings looked at {looks} times, 0 mismatches")


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_second_resume_of_a_run_is_refused_in_one_line(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    rounds: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    refused = 0
    for number in range(rounds):
        directory = tmp_path / str(number)
        directory.mkdir()
        first = Fault(
            "before", rng.randint(24, 200), signum=signal.SIGKILL, below=directory,
            no_locks=LOCKS[number % 3],
        )  # fmt: skip
        server.run(*TRAINING["native"], *OFTEN, cwd=directory, fault=first, env=env)
        (path,) = list_runs(directory / "runs")
        more = Fault(no_locks=LOCKS[number % 3])
        line = ("train", "--resume", path, *OFTEN)
        victims = [server.start(*line, cwd=directory, fault=more, env=env) for _ in range(2)]
        ended = [victim.wait() for victim in victims]
        codes = sorted(one.code for one in ended)
        assert codes in ([0, 1], [0, 0]), ended  # both, when one began after the other's end
        for one in ended:
            if one.code == 1:
                assert one.error.startswith(f"another process is training {path}: let it end")
                refused += 1
        assert go_on(server, directory, whole["native"])
        shutil.rmtree(directory)
    assert refused
    figure(f"{rounds} times two resumes of one run, {refused} refused, 0 mismatches")


@pytest.mark.parametrize("broken", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_a_holder_that_lives_is_respected_and_a_dead_one_is_not(
    server: Server, data_dir: Path, tmp_path: Path, broken: int
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    fault = Fault(no_locks=broken)
    line = ("train", "--variant", "modern", "--passes", 400, *OFTEN)
    holder = server.start(*line, cwd=tmp_path, fault=fault, env=env)
    while not list(tmp_path.glob("runs/*/weights.safetensors")):
        time.sleep(0.005)
    (path,) = list_runs(tmp_path / "runs")
    second = server.run("train", "--resume", path, cwd=tmp_path, fault=fault, env=env)
    assert second.code == 1
    assert second.error == (
        f"another process is training {path}: let it end, or remove {path / '.lock.held'} "
        "if it has ended"
    )
    holder.send(signal.SIGKILL)
    holder.wait()
    assert (path / ".lock.held").exists()
    third = server.start("train", "--resume", path, cwd=tmp_path, fault=fault, env=env)
    time.sleep(1)
    third.send(signal.SIGINT)
    assert third.wait().code == 130
    assert not (path / ".lock.held").exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(outside)
    with pytest.raises(OSError, match=r"run/\.lock"), exclusive(tmp_path / "run", "training"):
        pytest.fail("not to be entered")
    (tmp_path / "run" / ".lock").unlink()
    with (
        exclusive(tmp_path / "run", "training"),
        pytest.raises(Lecun89Error, match="another process is training"),
        exclusive(tmp_path / "run", "training"),
    ):
        pytest.fail("not to be entered")
    assert outside.read_text() == "kept"
