"""A browser for the tests of the page, and the native engine's numbers to compare with."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from lecun89.data import Digits
from lecun89.engines.native import NativeEngine
from lecun89.engines.parameters import flatten
from lecun89.settings import Settings
from lecun89.variants import get_variant

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium of this system, or else Playwright's own.

    Not for the whole session: its event loop would be in the way of other tests'.
    """
    try:
        from playwright import sync_api
    except ImportError:
        without('pip install "lecun89[page-test]"')
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found)
        except sync_api.Error as error:
            without(f"install chromium ({str(error).splitlines()[0]})")
        yield started
        started.close()


def without(advice: str) -> NoReturn:
    """Skip what needs a browser, but where all must be tested."""
    reason = f"no browser: {advice}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


Scores = list[tuple[float, int]]
Natively = Callable[..., tuple[list[Scores], np.ndarray[Any, Any]]]


@pytest.fixture
def natively(settings: Callable[..., Settings], splits: dict[str, Digits]) -> Natively:
    """Train a variant from seed 1337 on an instruction set; None for this machine's best.

    After each pass losses and misses of train and of test; and the weights at the end.
    """

    def train(variant: str, passes: int, on: str | None) -> Any:
        if find_spec("lecun89._native") is None:
            pytest.skip("no native kernel here to compare with")
        from lecun89 import _native

        if on not in (None, *_native.instruction_sets()):
            pytest.skip(f"no {on} kernel here to compare with")
        values = get_variant(variant).on("1989")
        of = settings(variant=variant, passes=passes, lr=values.lr, engine="native")
        engine = NativeEngine(values, [of.seed], splits, on=on)
        scores = []
        for number in range(1, passes + 1):
            engine.begin_pass(number, [of.lr_at(number)])
            engine.run_steps(0, engine.steps_per_pass)
            both = [engine.scores(split)[0] for split in ("train", "test")]
            scores.append([(one.loss, one.misses) for one in both])
        return scores, flatten(engine.states()[0])

    return train
