"""Seeds and figures of the attacks.

Each attack has a short form, which is part of every run, and a whole one, marked ``slow``. What is
random follows from one seed, which a failing test prints: ``FAULTS_SEED=N pytest ...`` repeats it.
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lecun89.training.runs import list_runs, open_run
from tests.faults.harness import TRAINING, Server, fingerprint

SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(2**32))

_figures: list[str] = []


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Draws that follow from the seed and the test's name."""
    request.node.add_report_section("call", "attack", f"repeat it with FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure, to be printed below the test results."""
    return lambda text: _figures.append(f"{request.node.name}: {text}")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Starts victims."""
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(
    server: Server, tmp_path_factory: pytest.TempPathFactory, data_dir: Path
) -> dict[str, dict[str, Any]]:
    """What is trained when nothing happens, by engine."""
    found = {}
    for engine, line in TRAINING.items():
        directory = tmp_path_factory.mktemp(engine)
        done = server.run(*line, "--data-dir", data_dir, cwd=directory)
        assert done.code == 0, done
        (path,) = list_runs(directory / "runs")
        found[engine] = fingerprint(open_run(path))
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print seed and figures."""
    if _figures:
        terminalreporter.section(f"attacks, FAULTS_SEED={SEED}")
        for line in _figures:
            terminalreporter.line(line)
