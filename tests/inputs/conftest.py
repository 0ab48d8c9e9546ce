"""Whatever a command is given here, it may not end in a traceback or an internal error."""

from collections.abc import Callable

import pytest

from tests.conftest import Result


def _clean(run: Callable[..., Result]) -> Callable[..., Result]:
    def run_and_look(*args: object, **more: object) -> Result:
        result = run(*args, **more)
        for words in ("Traceback", "internal error"):
            assert words not in result.stdout + result.stderr, (args, result.stderr)
        return result

    return run_and_look


@pytest.fixture
def cli(cli: Callable[..., Result]) -> Callable[..., Result]:
    """Run a command in this process."""
    return _clean(cli)


@pytest.fixture
def process(process: Callable[..., Result]) -> Callable[..., Result]:
    """Run a command in a process of its own."""
    return _clean(process)
