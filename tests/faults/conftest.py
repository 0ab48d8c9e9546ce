"""Seeds and figures of the attacks.

Each attack has a short form, which is part of every run, and a whole one, marked ``slow``. What is
random follows from one seed: always the same in a short form, another each time in a whole one. A
failing test prints it: ``FAULTS_SEED=N pytest ...`` repeats it.
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lecun89.training.runs import list_runs, open_run
from tests.faults.harness import TRAINING, Server, fingerprint

ASKED = os.environ.get("FAULTS_SEED")
SEED = int(ASKED or 1989)
SLOW_SEED = int(ASKED or random.SystemRandom().randrange(2**32))


def seed_of(request: pytest.FixtureRequest) -> int:
    """The seed of a test."""
    return SLOW_SEED if request.node.get_closest_marker("slow") else SEED


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Draws that follow from the seed and the test's name."""
    seed = seed_of(request)
    request.node.add_report_section("call", "attack", f"repeat it with FAULTS_SEED={seed}")
    return random.Random(f"{seed} {request.node.name}")


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure, to be printed below the test results."""
    name, seed = request.node.name, seed_of(request)
    noted = request.node.user_properties  # which come back from the workers of pytest-xdist, too
    return lambda text: noted.append(("attack", f"{name}, FAULTS_SEED={seed}: {text}"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Starts victims."""
    made = Server()
    yield made
    made.close()


class Whole(dict[str, dict[str, Any]]):
    """What is trained when nothing happens, by name of the training; made when it is asked for."""

    def __init__(self, make: Callable[[str], dict[str, Any]]) -> None:
        """Empty."""
        self._make = make

    def __missing__(self, name: str) -> dict[str, Any]:
        self[name] = self._make(name)
        return self[name]


@pytest.fixture(scope="session")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Whole:
    """What is trained when nothing happens."""

    def make(name: str) -> dict[str, Any]:
        directory = tmp_path_factory.mktemp(name)
        done = server.run(*TRAINING[name], "--data-dir", data_dir, cwd=directory)
        assert done.code == 0, done
        (path,) = list_runs(directory / "runs")
        return fingerprint(open_run(path))

    return Whole(make)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print figures and seeds."""
    passed = [one for one in terminalreporter.stats.get("passed", []) if one.when == "call"]
    figures = [text for one in passed for key, text in one.user_properties if key == "attack"]
    if figures:
        terminalreporter.section("attacks")
        for line in figures:
            terminalreporter.line(line)
