"""Displays of running trainings: bars in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterable
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from lecun89.exceptions import printable
from lecun89.render.console import make_console
from lecun89.render.lines import duration, eval_line, wrapped
from lecun89.settings import Settings
from lecun89.sweeps import Finished, Sweep, labels
from lecun89.training.loop import PassResult, Position

_BAR, _LEAST_BAR = 40, 10  # columns
_WIDEST = 1000
_KEPT = (range(5), (0, 2, 3, 4), (0, 2, 3), (0, 2), (2,))
"""What is shown in ever narrower terminals, of: description, bar, share, time, time left."""


class _Left(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        """The time that is left, said to be so."""
        return super().render(task) + " left"


class _Bars(Progress):
    """Bars that leave out what a narrow terminal has no room for, so that no number is cut."""

    def __init__(self, console: Console) -> None:
        self._terminal = console  # of the base class it is only when that is made
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(_BAR),
            TextColumn("{task.percentage:>5.1f}%"),
            TimeElapsedColumn(),
            _Left(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """The bars, with as many of their columns as there is room for."""
        tasks = list(tasks)
        everything = self.columns
        try:
            for kept in _KEPT:
                self.columns = tuple(everything[index] for index in kept)
                table = super().make_tasks_table(tasks)
                wide = self._terminal.options.update_width(_WIDEST)
                needed = self._terminal.measure(table, options=wide).maximum
                if needed - (_BAR - _LEAST_BAR if 1 in kept else 0) <= self._terminal.width:
                    break
        finally:
            self.columns = everything
        return table


class _Display:
    """Bars on stderr where that is a terminal; used as a context manager around the training."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = make_console(stderr=True)
        self._bars: Progress | None = None
        # Not Rich's is_terminal: FORCE_COLOR makes that true for a file, too.
        if sys.stderr.isatty() and not quiet:
            self._bars = _Bars(self._console)

    def __enter__(self) -> Self:
        """Start the bars."""
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        if self._bars:
            self._bars.stop()

    def _print(self, line: str) -> None:
        """Print a line, where it is beside the bars wrapped between words."""
        for part in wrapped(line, self._console.width) if self._bars else [line]:
            self._console.print(part, highlight=False, markup=False, soft_wrap=True)


class TrainingDisplay(_Display):
    """Shows progress on stderr and each pass's eval lines on stdout (or stderr)."""

    def __init__(self, settings: Settings, *, quiet: bool, lines_to_stderr: bool) -> None:
        """Prepare the display.

        Args:
            settings: of the training.
            quiet: show nothing at all.
            lines_to_stderr: keep stdout free for a document.
        """
        super().__init__(quiet=quiet)
        self._settings = settings
        self._lines_to_stderr = lines_to_stderr
        self._steps = settings.steps_per_pass
        self._began = time.monotonic()
        self._done_before: int | None = None
        if self._bars:
            self._task = self._bars.add_task("", total=settings.passes * self._steps)

    def show_progress(self, position: Position) -> None:
        """Move the bar to a position."""
        done = position.passes * self._steps + position.step
        if self._done_before is None:
            self._done_before = done
            self._began = time.monotonic()
        if self._bars:
            number = min(position.passes + 1, self._settings.passes)
            self._bars.update(
                self._task,
                completed=done,
                description=f"pass {number}/{self._settings.passes}",
            )

    def show_pass(self, result: PassResult) -> None:
        """Print the lines of a finished pass."""
        if self._quiet:
            return
        if not self._bars:
            self._print(self._plain_line(result))
        lines = [
            str(result.number),
            eval_line("train", result.train),
            eval_line("test", result.test),
        ]
        # A live bar and stdout on one terminal: only the bar's console knows where to print.
        if self._lines_to_stderr or (self._bars and sys.stdout.isatty()):
            for line in lines:
                self._print(line)
        else:
            print("\n".join(lines), flush=True)

    def _plain_line(self, result: PassResult) -> str:
        line = f"pass {result.number}/{self._settings.passes}: {duration(result.seconds)}"
        done = result.number * self._steps - (self._done_before or 0)
        to_do = (self._settings.passes - result.number) * self._steps
        if to_do and done > 0:
            left = (time.monotonic() - self._began) / done * to_do
            line += f", about {duration(left)} left"
        return line


class CellsDisplay(_Display):
    """Shows a sweep on stderr: a bar, and a line as each cell ends."""

    def __init__(self, of: Sweep, *, quiet: bool) -> None:
        """Prepare the display of a sweep that is about to go on."""
        super().__init__(quiet=quiet)
        self._ended, self._total = len(of.finished), len(of.cells)
        self._labels = labels(of.cells)
        if self._bars:
            self._task = self._bars.add_task("cells", total=self._total, completed=self._ended)

    def show_progress(self, cells: float) -> None:
        """Move the bar to where the cells are, those that are being trained among them."""
        if self._bars:
            self._bars.update(self._task, completed=cells)

    def show_cell(self, settings: Settings, outcome: Finished | str) -> None:
        """Tell of a cell its error, or why it failed."""
        self._ended += 1
        if self._quiet and not isinstance(outcome, str):
            return
        found = outcome
        if not isinstance(found, str):
            found = eval_line("test", found.results[-1].test)
        line = f"{self._labels[settings]}: {found} ({self._ended:,} of {self._total:,})"
        self._print(printable(line))


class PassesBar(_Display):
    """A bar for the Python API, in a notebook or in a terminal; nothing anywhere else."""

    def __init__(self, total: int, unit: str = "passes", *, wanted: bool = True) -> None:
        """Prepare the bar.

        Args:
            total: what there is to do.
            unit: of it, in words.
            wanted: whether to show anything.
        """
        super().__init__(quiet=not wanted)
        self._total, self._unit, self._text, self._shown = total, unit, "", 0.0
        if self._bars:
            self._task = self._bars.add_task(unit, total=total)
        self._cell: Any = None
        if wanted and self._console.is_jupyter:
            display: Any = import_module("IPython.display").display
            self._cell = display({"text/plain": ""}, raw=True, display_id=True)

    def show(self, done: float, text: str | None = None) -> None:
        """Move the bar, and say something beside it."""
        self._text = self._text if text is None else text
        said = f"{done:,.0f} of {self._total:,} {self._unit}"
        said += f": {self._text}" if self._text else ""
        if self._bars:
            self._bars.update(self._task, completed=done, description=said)
        now = time.monotonic()
        if self._cell is not None and (now - self._shown >= 0.1 or done >= self._total):
            self._shown = now
            bar = f'<progress value="{done}" max="{self._total}"></progress> {escape(said)}'
            self._cell.update({"text/html": bar, "text/plain": said}, raw=True)
