"""A browser for the tests of the page."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

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
