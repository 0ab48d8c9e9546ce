"""Several processes at one place: each gets what it would have got alone, or one line."""

import errno
import random
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lecun89 import data
from lecun89.exceptions import Lecun89Error
from lecun89.storage.locks import exclusive
from lecun89.training.runs import list_runs, open_run
from tests.conftest import wait_until
from tests.faults.harness import (
    OFTEN,
    TRAINING,
    Fault,
    Server,
    fingerprint,
    go_on,
    whole_run,
)

# In turn: the file system's locks work, it has none, their daemon is away.
LOCKS = (0, errno.ENOSYS, errno.ENOLCK)
RESUMED = 30  # an operation of a resumed training, after the lock and before the end
ROUNDS = [3, pytest.param(100, marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_sixteen_prepares_make_the_same_digits(
    server: Server, tmp_path: Path, figure: Callable[[str], None], rounds: int
) -> None:
    processes = 16 if rounds > 3 else 3
    for number in range(rounds):
        directory = tmp_path / str(number)
        directory.mkdir()
        fault = Fault(no_locks=LOCKS[number % 3])
        line = ("prepare", "--data-dir", directory, "--json")
        victims = [server.start(*line, cwd=directory, fault=fault) for _ in range(processes)]
        ended = [victim.wait() for victim in victims]
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
        wait_until(lambda: list(directory.glob("runs/*/weights.safetensors")))  # noqa: B023
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


@pytest.fixture
def killed(
    server: Server, data_dir: Path, tmp_path: Path, rng: random.Random
) -> Callable[[int, int], Path]:
    """Make the directory of a run whose training was killed at some moment."""

    def make(number: int, no_locks: int) -> Path:
        directory = tmp_path / str(number)
        directory.mkdir()
        fault = Fault("before", rng.randint(24, 100), below=directory, no_locks=no_locks)
        env = {"LECUN89_DATA_DIR": str(data_dir)}
        server.run(*TRAINING["native"], *OFTEN, cwd=directory, fault=fault, env=env)
        return directory

    return make


def test_a_resume_of_a_run_in_training_is_refused_in_one_line(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    killed: Callable[[int, int], Path],
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    for number, no_locks in enumerate(LOCKS):
        directory = killed(number, no_locks)
        (path,) = list_runs(directory / "runs")
        line = ("train", "--resume", path, *OFTEN)
        # The first stands still where it writes what it has trained.
        stop = Fault("before", RESUMED, signum=signal.SIGSTOP, below=directory, no_locks=no_locks)
        first = server.start(*line, cwd=directory, fault=stop, env=env)
        wait_until(first.stands_still)
        second = server.run(*line, cwd=directory, fault=Fault(no_locks=no_locks), env=env)
        first.send(signal.SIGCONT)
        assert second.code == 1, second
        assert second.error.startswith(f"another process is training {path}: let it end")
        assert first.wait().code == 0
        assert fingerprint(open_run(path)) == whole["native"]


@pytest.mark.slow
def test_of_two_resumes_at_once_one_trains_and_the_other_is_refused_or_finds_it_done(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    killed: Callable[[int, int], Path],
    figure: Callable[[str], None],
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    refused, rounds = 0, 100
    for number in range(rounds):
        no_locks = LOCKS[number % 3]
        directory = killed(number, no_locks)
        (path,) = list_runs(directory / "runs")
        line, fault = ("train", "--resume", path, *OFTEN), Fault(no_locks=no_locks)
        victims = [server.start(*line, cwd=directory, fault=fault, env=env) for _ in range(2)]
        ended = [victim.wait() for victim in victims]
        assert sorted(one.code for one in ended) in ([0, 1], [0, 0]), ended
        for one in ended:
            if one.code == 1:
                assert one.error.startswith(f"another process is training {path}: let it end")
                refused += 1
        assert go_on(server, directory, whole["native"])
        shutil.rmtree(directory)
    figure(f"{rounds} times two resumes of one run, {refused} refused, 0 mismatches")


@pytest.mark.parametrize("broken", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_a_holder_that_lives_is_respected_and_a_dead_one_is_not(
    server: Server, data_dir: Path, tmp_path: Path, broken: int
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    fault = Fault(no_locks=broken)
    line = ("train", "--variant", "modern", "--passes", 400, *OFTEN)
    holder = server.start(*line, cwd=tmp_path, fault=fault, env=env)
    wait_until(lambda: list(tmp_path.glob("runs/*/weights.safetensors")))
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
    before = open_run(path).load_state()[1]
    third = server.start("train", "--resume", path, cwd=tmp_path, fault=fault, env=env)
    wait_until(lambda: open_run(path).load_state()[1] != before)
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
