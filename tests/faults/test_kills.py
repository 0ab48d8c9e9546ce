"""A kill at any moment costs what came after the last checkpoint, and nothing else."""

import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lecun89.training.runs import list_runs, open_run
from tests.faults.harness import (
    OFTEN,
    TRAINING,
    Fault,
    Server,
    fingerprint,
    go_on,
    operations,
    undisturbed,
    whole_run,
)

AT_ONCE = 2


@pytest.mark.parametrize(
    ("engine", "share"),
    [
        ("native", 0.01),
        ("eager, one pass", 0.01),
        *(pytest.param(engine, 1.0, marks=pytest.mark.slow) for engine in ("native", "eager")),
    ],
)
def test_a_kill_at_each_write_sync_and_rename_loses_nothing_before_it(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    engine: str,
    share: float,
) -> None:
    line = (*TRAINING[engine], *OFTEN)
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    calls = undisturbed(server, *line, cwd=tmp_path / "count", env=env)
    every = [
        (nth, mode)
        for nth, call in enumerate(calls, 1)
        for mode in ("before", "after", *(["torn"] if call.startswith("write") else []))
    ]
    attacks = rng.sample(every, round(share * len(every)))

    def attack(one: tuple[int, str]) -> tuple[bool, bool]:
        nth, mode = one
        directory = tmp_path / f"{nth}-{mode}"
        directory.mkdir()
        own = directory.with_suffix(".log")
        fault = Fault(mode, nth, signum=signal.SIGKILL, below=directory, log=own)
        ended = server.run(*line, cwd=directory, fault=fault, env=env)
        assert ended.code in (0, -signal.SIGKILL), ended
        done = [call for call in operations(own)[:-1] if call.startswith("rename ")]
        if sum(call.endswith("/state.safetensors") for call in done) > 1:  # one before any step
            (path,) = list_runs(directory / "runs")
            position = open_run(path).load_state()[1]
            assert position.passes or position.step  # it does not begin anew
        return ended.code != 0, go_on(server, directory, whole[engine])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(attack, attacks))
    killed = sum(dead for dead, _ in outcomes)
    resumed = sum(alive for _, alive in outcomes)
    assert killed > 0
    figure(f"{killed} kills at {len(calls)} calls, {resumed} resumed to the same bits, 0 corrupt")


@pytest.mark.parametrize(
    ("engine", "kills"),
    [
        ("native", 4),
        pytest.param("native", 400, marks=pytest.mark.slow),
        pytest.param("eager", 100, marks=pytest.mark.slow),
    ],
)
def test_kills_at_random_times_lose_nothing(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    engine: str,
    kills: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    began = time.monotonic()
    first = (*TRAINING[engine], *OFTEN)
    (tmp_path / "time").mkdir()
    assert server.run(*first, cwd=tmp_path / "time", env=env).code == 0
    seconds = time.monotonic() - began

    def attack(number: int) -> tuple[int, bool]:
        draws = random.Random(rng_seeds[number])
        directory = tmp_path / str(number)
        directory.mkdir()
        landed, line = 0, first
        for _ in range(draws.choice((1, 1, 2, 3))):
            victim = server.start(*line, cwd=directory, env=env)
            time.sleep(draws.uniform(0, seconds))
            victim.send(signal.SIGKILL)
            ended = victim.wait()
            assert ended.code in (0, -signal.SIGKILL), ended
            landed += ended.code != 0
            if not (paths := list_runs(directory / "runs")):
                break
            line = ("train", "--resume", whole_run(paths[0]).path, *OFTEN)
        return landed, go_on(server, directory, whole[engine])

    landed = resumed = number = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while landed < kills:
            rng_seeds = {number + k: rng.random() for k in range(2 * AT_ONCE)}
            for count, alive in pool.map(attack, rng_seeds):
                landed += count
                resumed += alive
            number += len(rng_seeds)
    figure(f"{landed} kills at random times, {resumed} runs resumed to the same bits, 0 corrupt")


def test_what_is_renamed_is_synced_before_and_its_directory_after(
    server: Server, data_dir: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    line = (*TRAINING["native"], *OFTEN, "--data-dir", data_dir)
    fault = Fault(below=tmp_path / "below", log=log)
    (tmp_path / "below").mkdir()
    assert server.run(*line, cwd=tmp_path / "below", fault=fault).code == 0
    calls = [line.split()[0] for line in operations(log)]
    renames = [index for index, call in enumerate(calls) if call == "rename"]
    assert len(renames) > 5
    for index in renames:
        written = max(i for i in range(index) if calls[i] == "write")
        assert "fsync" in calls[written:index]
        assert calls[index + 1 : index + 3] == ["open", "fsync"]


@pytest.mark.parametrize(
    "rounds", [pytest.param(2, id="some"), pytest.param(40, id="many", marks=pytest.mark.slow)]
)
def test_a_killed_sweep_goes_on_to_the_same_table(
    server: Server,
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    rounds: int,
) -> None:
    line = ("sweep", "--grid", "seeds=0..2", "--grid", "passes=1", "--workers", 2, "-q")
    env = {"LECUN89_DATA_DIR": str(data_dir)}

    def cells(directory: Path) -> list[tuple[str, ...]]:
        rows = [row.split(",") for row in (directory / "sweep/table.csv").read_text().splitlines()]
        return [tuple(row[:-2]) for row in rows]  # without seconds and name

    def prints(directory: Path) -> list[dict[str, Any]]:
        runs = [open_run(path) for path in list_runs(directory / "sweep" / "runs")]
        return [fingerprint(run) for run in sorted(runs, key=lambda run: run.settings.seed)]

    calls = len(undisturbed(server, *line, cwd=tmp_path / "count", env=env))
    right = (cells(tmp_path / "count"), prints(tmp_path / "count"))
    for number in range(rounds):
        directory = tmp_path / str(number)
        directory.mkdir()
        mode, nth = rng.choice(("before", "after", "torn")), rng.randint(1, calls)
        fault = Fault(mode, nth, below=directory)
        # The process that waits is killed, or each of its workers, which it outlives.
        killed = server.run(*line, cwd=directory, fault=fault, env=env)
        assert killed.code in (-signal.SIGKILL, 0, 1), killed
        done = server.run(*line, cwd=directory, env=env)
        assert done.code == 0, done
        assert (cells(directory), prints(directory)) == right
    figure(f"{rounds} kills of a sweep at {calls} calls, 0 cells lost or doubled")
