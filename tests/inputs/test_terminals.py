"""Terminals as people have them: narrow, of no width, of another encoding."""

import io
import itertools
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from lecun89.analysis.rejection import Rejection
from lecun89.analysis.scores import Score
from lecun89.analysis.thennow import Column, columns
from lecun89.cli.options import print_table
from lecun89.cli.streams import set_up_streams
from lecun89.render import evaltables
from lecun89.render.benchtable import for_terminal
from lecun89.render.halfblocks import print_digits
from lecun89.render.laddertable import ladder_table
from lecun89.render.lines import eval_line
from lecun89.render.narrow import fitted
from lecun89.render.progress import TrainingDisplay
from lecun89.render.tables import closing_table, plain_table, seeds_table
from lecun89.render.thennowtable import then_and_now_table
from lecun89.render.varianttables import variants_lines
from lecun89.settings import Settings
from lecun89.sweeps.ladder import Rung, Step
from lecun89.training.loop import PassResult, Position
from lecun89.variants import VARIANTS
from tests.conftest import PATIENCE, ROOT, Result, command

WIDTHS = (20, 40, 60, 80, 100)


def result(number: int, misses: int) -> PassResult:
    return PassResult(number, 0.1, 1.5, Score(2.838382e-02, misses, 7291), Score(0.1, misses, 2007))


def tables(settings: Callable[..., Settings]) -> Iterable[tuple[str, Table]]:
    """Every kind of table that has numbers."""
    seeds = [settings(seed=seed) for seed in (0, 1, 4_294_967_295)]
    last = [result(23, misses) for misses in (82, 103, 1204)]
    yield "seeds", seeds_table(seeds, last, 12_345.0)
    yield "closing", closing_table(settings(), [result(n, 900 - n) for n in range(1, 24)])
    rungs = [
        (Rung(name, "1989", (0, 1, 2), tuple(last), (12_345.0, 1.0, 2.0)), step)
        for name, step in (("base", None), ("modern-h3", Step(-1.2, (-2, -1), 0.001, None)))
    ]
    yield "ladder", ladder_table(rungs, "1989")
    confusion = np.arange(100).reshape(10, 10) + np.eye(10, dtype=int) * 4000
    yield "confusion", evaltables.confusion_table(confusion)
    yield "classes", evaltables.classes_table([(digit, digit * 7, 1234) for digit in range(10)])
    yield "rejections", evaltables.rejections_table([Rejection(1.0, 0.123, 20, 1234, 10_000)])
    bench = json.loads((ROOT / "benchmarks" / "results" / "bench_cpu.json").read_text())
    yield from (("bench", part) for part in for_terminal(bench) if isinstance(part, Table))
    here = Column(
        name="this machine", source="", year=2026, training_seconds=1234.5, projected=True
    )
    yield "then and now", then_and_now_table(columns(here))
    yield "plan", plain_table(["", "value", "from"], [("batch size", "1,234", "variant, 1989")])
    yield "machine", plain_table(["", ""], [("cores", "128"), ("torch", "2.13.0+cpu of 2026")])


def drawn(table: Table, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    for part in fitted(table, width):
        console.print(part, highlight=False, crop=False)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_of_a_table_is_cut(width: int, settings: Callable[..., Settings]) -> None:
    for name, table in tables(settings):
        cells = [str(cell) for column in table.columns for cell in column.cells]
        numbers = {word for cell in cells for word in cell.split() if re.search(r"\d", word)}
        text = drawn(table, width)
        assert numbers, name
        assert numbers <= set(text.split()), (name, text)
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width, (name, text)


def test_a_table_that_fits_is_left_as_it_is(settings: Callable[..., Settings]) -> None:
    for name, table in tables(settings):
        if name != "ladder":
            assert len([part for part in fitted(table, 110) if isinstance(part, Table)]) == 1, name


@pytest.mark.parametrize("width", [80, 100])
def test_a_variant_takes_two_lines_and_its_name_is_whole(width: int) -> None:
    lines = list(variants_lines(VARIANTS.values(), {"record": ["1989", "full"]}, width))
    assert max(map(len, lines)) <= width
    starts = [index for index, line in enumerate(lines) if line.split(" ")[0] in VARIANTS]
    assert [lines[index].split()[0] for index in starts] == list(VARIANTS)
    assert [b - a for a, b in itertools.pairwise(starts)] == [2] * (len(VARIANTS) - 1)
    assert "23 / 100" in lines[starts[0]]


@pytest.mark.parametrize("width", [10, 30, 60])
def test_variants_in_a_narrow_terminal(width: int) -> None:
    lines = list(variants_lines(VARIANTS.values(), {}, width))
    assert set(VARIANTS) <= set(lines)
    words = set(" ".join(lines).split())
    assert {"0.0003", "9,760", "63,660", "0.00015"} <= words


@pytest.fixture
def terminal() -> Callable[..., str]:
    """What a terminal of some columns receives from a command."""
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))

    def run(width: int, *args: object, **env: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        with subprocess.Popen(
            command(*args), stdin=theirs, stdout=theirs, stderr=theirs, env=kept | env
        ) as child:
            os.close(theirs)
            received = b""
            while True:
                try:
                    more = os.read(ours, 65_536)
                except OSError:  # of Linux, when the other side is closed
                    break
                if not more:
                    break
                received += more
            assert child.wait(PATIENCE) == 0, received
        os.close(ours)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", received.decode())
        assert "Traceback" not in text
        return text.replace("\r\n", "\n")

    return run


def test_training_in_a_terminal_of_40_columns(terminal: Callable[..., str]) -> None:
    text = terminal(40, "train", "--passes", 2, "--batch-size", "full")
    assert "…" not in text
    assert max(len(line) for line in re.split(r"[\r\n]", text)) <= 40
    run = Path(text.split()[-1])
    passes = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for one in passes:
        for split in ("train", "test"):
            line = eval_line(split, Score(**one[split]))
            assert set(line.split()) <= set(text.split())


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "pass 12/23 ━━ 47.8% 0:00:00 left"),
        (44, "pass 12/23 47.8% 0:00:00 left"),
        (34, "pass 12/23 47.8% 0:00:00"),
        (20, "pass 12/23 47.8%"),
        (9, "47.8%"),
    ],
)
def test_a_bar_leaves_out_what_has_no_room(
    width: int, shown: str, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    display = TrainingDisplay(settings(passes=23), quiet=False, lines_to_stderr=False)
    display.show_progress(Position(passes=11))
    assert display._bars is not None
    file = io.StringIO()
    Console(width=width, file=file).print(display._bars.get_renderable())
    text = file.getvalue()
    assert "…" not in text
    for word in shown.split():
        assert word in text
    assert ("left" in text, "━" in text) == ("left" in shown, "━" in shown)


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], io.BytesIO]:
    """Set up stdout and stderr of an encoding; what they receive."""

    def set_up(encoding: str) -> io.BytesIO:
        received = io.BytesIO()
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(received, encoding, write_through=True)
            monkeypatch.setattr(sys, name, stream)
        set_up_streams()
        return received

    return set_up


@pytest.mark.parametrize("columns", ["0", "00", "-1", "", "wide", "²", "1e3", "9" * 30, "80 "])
def test_a_width_that_is_none_counts_as_not_set(
    columns: str, streams: Callable[[str], io.BytesIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", columns)
    streams("utf-8")
    assert not {"COLUMNS", "LINES"} & os.environ.keys()


def test_a_width_of_0_prints(process: Callable[..., Result]) -> None:
    for args, words in ((("--help",), "Usage: lecun89"), (("variants",), "modern-h3")):
        result = process(*args, env={"COLUMNS": "0"})
        assert result.exit_code == 0
        assert words in result.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "koi8-r", "utf-8"])
def test_an_encoding_without_blocks_gets_ascii(
    encoding: str, streams: Callable[[str], io.BytesIO], settings: Callable[..., Settings]
) -> None:
    received = streams(encoding)
    print_table(closing_table(settings(), [result(n, 900 // n) for n in range(1, 24)]))
    print_digits([np.eye(16, dtype=np.float32)], ["1 as 7"])
    print("a name: ½ of \u0663")
    text = received.getvalue().decode(encoding)
    names, others = text.split("a name: ")
    assert "\\" not in names
    assert "?" not in names
    assert ("─" in text) is (encoding in ("cp437", "koi8-r", "utf-8"))
    assert ("----" in text) is (encoding in ("ascii", "latin-1", "cp1252"))
    assert ("'." in text) is (encoding in ("ascii", "latin-1", "cp1252"))
    assert ("▀▄" in text) is (encoding in ("cp437", "koi8-r", "utf-8"))
    # What no table holds is escaped, as ever.
    assert others.endswith("½ of \u0663\n" if encoding == "utf-8" else " of \\u0663\n")


def test_lc_all_c_in_a_terminal_gets_ascii(
    terminal: Callable[..., str], base_run: tuple[Path, Result]
) -> None:
    helped = terminal(80, "--help", LC_ALL="C")
    assert helped.isascii()
    assert "| train " in helped
    assert "│ train " in terminal(80, "--help", LC_ALL="C.UTF-8")
    errors = terminal(80, "errors", base_run[0], "--out", "out", LC_ALL="C")
    assert errors.isascii()
    assert ".##" in errors  # digits are drawn


def test_lc_all_c_in_a_file_stays_utf_8(process: Callable[..., Result]) -> None:
    assert "─" in process("variants", env={"LC_ALL": "C", "PYTHONUTF8": "1"}).stdout
    assert "─" in process("variants", env={"LC_ALL": "C"}).stdout
