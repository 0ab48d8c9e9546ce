"""Ctrl-C, SIGTERM and SIGHUP, once or twice, also while a file is written: saved, and told so."""

import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lecun89.training.runs import list_runs, open_run
from tests.conftest import PATIENCE, command, wait_until
from tests.faults.harness import OFTEN, TRAINING, Fault, Server, go_on, undisturbed

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize(
    ("engine", "signals"),
    [
        ("native", 6),
        ("eager, one pass", 2),
        pytest.param("native", 200, marks=pytest.mark.slow),
        pytest.param("eager", 30, marks=pytest.mark.slow),
    ],
)
def test_a_signal_at_any_call_stops_saved(
    server: Server,
    whole: dict[str, dict[str, Any]],
    data_dir: Path,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    engine: str,
    signals: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    line = (*TRAINING[engine], *OFTEN)
    calls = len(undisturbed(server, *line, cwd=tmp_path / "count", env=env))

    def attack(seed: float) -> int:
        draws = random.Random(seed)
        directory = tmp_path / str(seed)
        directory.mkdir()
        signum, mode = draws.choice(STOPPING), draws.choice(("before", "after", "torn"))
        fault = Fault(mode, draws.randint(1, calls), signum=signum, below=directory)
        victim = server.start(*line, cwd=directory, fault=fault, env=env)
        twice = draws.random() < 0.5
        while twice and victim.runs():  # the second some time after the first, or before it
            time.sleep(draws.uniform(0.0, 0.02))
            if list_runs(directory / "runs"):
                victim.send(draws.choice((signal.SIGINT, signal.SIGTERM)))
                break
        ended = victim.wait()
        late = twice and -ended.code in STOPPING  # the second, when all was done and said
        assert late or ended.code in (0, *(128 + which for which in STOPPING)), ended
        if ended.code and (not late or "error: " in ended.stderr):
            assert "interrupted" in ended.error or "stopped by SIG" in ended.error
        assert not list(directory.rglob("*.tmp"))
        # Of two signals, the second may end it before the line is said; what is saved is whole.
        said = ended.code and (not twice or "error: interrupted" in ended.stderr)
        if said and (paths := list_runs(directory / "runs")):
            run = open_run(paths[0])
            if run.load_state()[1].passes < run.settings.passes:
                assert f"resume with: lecun89 train --resume {run.path.relative_to(directory)}" in (
                    ended.error
                )
        go_on(server, directory, whole[engine])
        return int(ended.code != 0)

    with ThreadPoolExecutor(2) as pool:
        stopped = sum(pool.map(attack, [rng.random() for _ in range(signals)]))
    assert stopped > 0  # some come when all is done and said
    figure(f"{signals} trainings with signals, {stopped} stopped by them, 0 torn files")


def begun(process: "subprocess.Popen[str]") -> bool:
    """Whether it handles SIGTERM, as our commands do from their first line on; or has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return True
    handled = re.search(r"SigCgt:\s*(\w+)", status)
    return handled is None or bool(int(handled[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals are handled")
@pytest.mark.parametrize(
    "rounds", [pytest.param(3, id="some"), pytest.param(60, id="many", marks=pytest.mark.slow)]
)
def test_a_signal_at_any_moment_of_any_command_is_one_line(
    data_dir: Path, tmp_path: Path, rng: random.Random, figure: Callable[[str], None], rounds: int
) -> None:
    commands = (
        ("prepare", "--data-dir", "fresh"),
        ("train", "--variant", "modern", "--passes", 4),
        ("train", "--batch-size", "full", "--engine", "eager"),
        ("sweep", "--grid", "seeds=0..3", "--workers", 2),
        ("bench", "--quick"),
    )
    codes = []
    for _ in range(rounds):
        victim = subprocess.Popen(
            command(*rng.choice(commands)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        wait_until(partial(begun, victim))  # before, it is the interpreter's to be killed
        time.sleep(rng.uniform(0.0, 2.0))  # any moment will do
        which = rng.choice(STOPPING)
        victim.send_signal(which)
        _, errors = victim.communicate(timeout=PATIENCE)
        assert "Traceback" not in errors
        assert victim.returncode in (0, -which, 128 + which), errors
        if victim.returncode == 128 + which:
            assert errors.splitlines()[-1].startswith("error: "), errors
        assert not list(tmp_path.rglob("*.tmp"))
        codes.append(victim.returncode)
    figure(f"{rounds} signals to commands, {sum(code != 0 for code in codes)} ended them")


def test_what_is_ignored_stays_ignored(data_dir: Path, tmp_path: Path) -> None:
    line = command("train", "--variant", "modern", "--passes", 60, "--runs-dir", tmp_path)
    with subprocess.Popen(
        ["nohup", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: process.poll() is not None or list_runs(tmp_path))
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        process.send_signal(signal.SIGTERM)
        assert "interrupted" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("which", STOPPING)
def test_a_signal_when_all_is_done_and_said_kills(which: signal.Signals) -> None:
    late = "signal.raise_signal(which); sys.exit(0)"
    script = (
        "import signal, sys; from lecun89.cli.signals import end_at_signals\n"
        f"which = {int(which)}\n"
        f"def call():\n    try: sys.exit(0)\n    finally: {late}\n"
        "end_at_signals(call)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-which, "")
