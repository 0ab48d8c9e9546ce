"""Seeds and figures of the attacks.

Each attack has a short form, which is part of every run, and a whole one, marked ``slow``. What is
random follows from one seed, which a failing test prints: ``FAULTS_SEED=N pytest ...`` repeats it.
"""

import os
import random
from collections.abc import Callable

import pytest

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print seed and figures."""
    if _figures:
        terminalreporter.section(f"attacks, FAULTS_SEED={SEED}")
        for line in _figures:
            terminalreporter.line(line)
