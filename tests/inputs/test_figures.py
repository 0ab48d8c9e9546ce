"""matplotlib as people have set it up: our figures stay as they are, and so do their settings."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lecun89.analysis.scores import Score
from lecun89.api.results import Result as Trained
from lecun89.settings import Settings
from lecun89.training.loop import PassResult
from tests.conftest import Result

DRAW = """
from pathlib import Path
import numpy as np
from lecun89.render import charts
weights = np.linspace(-1, 1, 300, dtype=np.float32).reshape(12, 1, 5, 5)
figure = charts.kernels("the kernels of H1", weights)
charts.saver(figure, "png")(Path("kernels.png"))
"""
RC = "text.usetex: True\nfont.family: NoSuchFont\nfont.sans-serif: Nor This\nfigure.dpi: 20\n"


def draw(env: dict[str, str] | None = None) -> bytes:
    """A figure, drawn in a process of its own, which must say nothing."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        env=clean | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return Path("kernels.png").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        return draw()


@pytest.mark.parametrize(
    ("env", "files"),
    [
        ({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}, {}),
        ({"MPLBACKEND": "module://google.colab._backend"}, {}),
        ({"MPLBACKEND": "nonsense"}, {}),
        ({"MPLCONFIGDIR": "mine"}, {"mine/matplotlibrc": RC.encode()}),
        ({"MPLCONFIGDIR": "mine"}, {"mine/matplotlibrc": b"figure.dpi: many\nnot.known: 1\n"}),
        ({"MATPLOTLIBRC": "rc", "MPLBACKEND": "nonsense"}, {"rc": b"\xff\xfe\x00"}),
        ({}, {"matplotlibrc": b"font.size: \xff\n"}),
        ({"MPLCONFIGDIR": "file/none"}, {"file": b""}),
    ],
    ids=["jupyter", "colab", "no backend", "fonts", "wrong values", "no text", "here", "no home"],
)
def test_a_figure_is_the_same_whatever_is_set(
    env: dict[str, str], files: dict[str, bytes], undisturbed: bytes
) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    assert draw(env) == undisturbed


def test_commands_draw_with_the_backend_of_a_notebook(
    base_run: tuple[Path, Result], process: Callable[..., Result]
) -> None:
    env = {"MPLBACKEND": "module://nowhere.backend"}
    result = process("plot", base_run[0], "--out", "out", env=env)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert Path("out/curves.png").stat().st_size > 0


def test_a_plot_in_python_keeps_both_settings(settings: Callable[..., Settings]) -> None:
    import matplotlib as mpl

    passes = tuple(
        PassResult(n, 0.1, 1.0, Score(0.1 / n, 90 // n, 900), Score(0.2 / n, 80 // n, 800))
        for n in (1, 2)
    )
    trained = Trained(settings(), passes, {}, "")
    plain = trained.plot()._repr_png_()
    theirs = {"text.usetex": True, "font.sans-serif": ["Nor This"], "axes.grid": True}
    with mpl.rc_context(theirs):
        before = dict(mpl.rcParams)
        figure = trained.plot()
        assert figure._repr_png_() == plain
        figure.savefig(io.BytesIO(), format="svg")  # their own way
        assert dict(mpl.rcParams) == before
