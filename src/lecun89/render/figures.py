"""matplotlib (extra ``plots``) with its own defaults, whatever settings the user has."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lecun89.exceptions import missing_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OF_THE_USER = {"backend", "backend_fallback", "interactive"}  # not for a while, nor of a figure

_OURS = {
    "font.family": "DejaVu Sans",  # which comes with it
    "svg.hashsalt": "lecun89",  # the same figure, the same bytes
    "svg.fonttype": "path",
}


def require_matplotlib() -> None:
    """Import matplotlib, whatever backend or settings file the user has.

    Raises:
        MissingExtraError: it is not installed, or fails when imported.
    """
    before = set(sys.modules)
    try:
        _import()
    except Exception:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "matplotlib":
                del sys.modules[name]  # half imported
        try:
            with _no_settings():
                _import()
        except Exception as error:
            raise missing_extra("drawing charts", "plots", error) from error


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Within the block, or the decorated function, matplotlib has its own defaults.

    Raises:
        MissingExtraError: see `require_matplotlib`.
    """
    require_matplotlib()
    import matplotlib as mpl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        settings: dict[Any, Any] = {
            key: value for key, value in mpl.rcParamsDefault.items() if key not in _OF_THE_USER
        }
        context = mpl.rc_context(settings | _OURS)
        context.__enter__()
    try:
        with _silent():
            yield
    finally:
        context.__exit__(None, None, None)


def make_figure(width: float, height: float) -> "Figure":
    """A figure of so many inches, which is always drawn in our style, on no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure_class()(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


@cache
def _figure_class() -> "type[Figure]":
    from matplotlib.figure import Figure

    class OwnFigure(Figure):
        def draw(self, renderer: Any) -> None:
            with own_style():  # ticks are made when they are drawn
                super().draw(renderer)

    return OwnFigure


def _import() -> None:
    with _silent():
        import matplotlib.figure  # noqa: F401


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Within the block, matplotlib does not warn of fonts, caches and settings."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _no_settings() -> Iterator[None]:
    """Within the block, matplotlib finds neither a backend nor a settings file."""
    settings = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        with contextlib.chdir(Path(__file__).parent):  # one may lie in the current directory
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
