"""What a training gives, and what several seeds of it give together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from lecun89.analysis.scores import Score
from lecun89.analysis.statistics import summarise
from lecun89.exceptions import UsageError
from lecun89.network.weights import Weights, save_weights
from lecun89.render.lines import counted
from lecun89.settings import Settings
from lecun89.storage.tensorfile import Arrays
from lecun89.training.loop import PassResult
from lecun89.training.runs import weights_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn


@dataclass(frozen=True)
class Result:
    """A trained network and how it came to be.

    Attributes:
        settings: all that decided the training, with where each value came from.
        history: a `PassResult` for each pass: number, lr, seconds, and the scores on train and
            test after it.
        state: everything that changed in training, arrays by name.
        data_sha256: digest of the training digits.
        run: the directory it was trained into; None where nothing was written.
        interrupted: whether Ctrl-C ended it before its last pass.
    """

    settings: Settings
    history: tuple[PassResult, ...]
    state: Arrays
    data_sha256: str
    run: Path | None = None
    interrupted: bool = False

    @property
    def train(self) -> Score:
        """Score on the training digits after the last pass."""
        return self._last.train

    @property
    def test(self) -> Score:
        """Score on the test digits after the last pass: loss, misses, total, error_percent."""
        return self._last.test

    @property
    def _last(self) -> PassResult:
        if not self.history:
            raise UsageError("the training was interrupted in its first pass: it has no scores")
        return self.history[-1]

    @property
    def seconds(self) -> float:
        """Wall time of all steps, without evaluations."""
        return sum(result.seconds for result in self.history)

    @property
    def weights(self) -> Weights:
        """The weights after the last pass, by the paper's names."""
        return weights_of(self.settings, self.state, self.data_sha256)

    @cached_property
    def network(self) -> "nn.Module":
        """The network as a PyTorch module, on the CPU, in evaluation mode."""
        from lecun89.network.modules import network_of

        return network_of(self.weights).eval()

    def save(self, path: str | Path) -> None:
        """Write the weights as a file that ``lecun89 eval`` and `lecun89.load_model` read."""
        save_weights(Path(path), self.weights, passes=len(self.history), seed=self.settings.seed)

    def plot(self) -> "Figure":
        """Loss and error after each pass, beside what others report (extra ``plots``)."""
        return _curves([self])

    def __repr__(self) -> str:
        of = self.settings
        head = f"{of.variant} on {of.data}, seed {of.seed}"
        if not self.history:
            return f"<{head}: interrupted in its first pass>"
        low, high = self.test.interval95
        return (
            f"<{head}: {self.test.error_percent:.2f}% test error, {self.test.misses:,} of "
            f"{self.test.total:,} missed, 95% interval {low:.2f} to {high:.2f}; "
            f"{len(self.history)} of {of.passes} passes in {self.seconds:.2f} s>"
        )

    def _repr_html_(self) -> str:
        rows = [
            (
                f"{result.number}",
                f"{result.train.loss:.3e}",
                f"{result.train.error_percent:.2f}%",
                f"{result.test.loss:.3e}",
                f"{result.test.error_percent:.2f}%",
                f"{result.test.misses:,}",
            )
            for result in _some(self.history)
        ]
        headings = ("pass", "train loss", "train error", "test loss", "test error", "test misses")
        return f"<p>{escape(repr(self)[1:-1])}</p>{_table(headings, rows)}"


@dataclass(frozen=True)
class Results(Sequence[Result]):
    """Several seeds of one training: a sequence of `Result`, and statistics over them.

    Attributes:
        results: of each seed.
    """

    results: tuple[Result, ...]

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        """The result at that place, or several."""
        return self.results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @property
    def errors(self) -> list[float]:
        """Test error of each seed in percent."""
        return [result.test.error_percent for result in self.results]

    @property
    def mean(self) -> float:
        """Mean test error in percent."""
        return summarise(self.errors).mean

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the test error in percent, with n - 1; None for one seed."""
        return summarise(self.errors).deviation

    @property
    def interval95(self) -> tuple[float, float] | None:
        """Student's 95% interval of the mean test error in percent; None for one seed."""
        return summarise(self.errors).interval95

    def plot(self) -> "Figure":
        """Loss and error after each pass of every seed (extra ``plots``)."""
        return _curves(self.results)

    def __repr__(self) -> str:
        of = self.results[0].settings
        text = f"{of.variant} on {of.data}, {counted(len(self), 'seed')}: "
        text += f"{self.mean:.2f}% mean test error"
        if self.interval95 is None:
            return f"<{text}>"
        low, high = self.interval95
        return f"<{text}, deviation {self.deviation:.2f}, 95% of the mean {low:.2f} to {high:.2f}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                f"{result.settings.seed}",
                f"{result.test.error_percent:.2f}%",
                f"{result.test.misses:,}",
                f"{result.test.loss:.3e}",
                f"{result.train.error_percent:.2f}%",
            )
            for result in self.results
        ]
        headings = ("seed", "test error", "test misses", "test loss", "train error")
        return f"<p>{escape(repr(self)[1:-1])}</p>{_table(headings, rows)}"


def _curves(results: Sequence[Result]) -> "Figure":
    from lecun89.render.charts import curves

    several = len(results) > 1
    figure = curves(
        [
            (
                f"seed {one.settings.seed}" if several else f"{one.settings.variant}",
                one.settings,
                one.history,
            )
            for one in results
        ]
    )
    # A figure made without pyplot has no picture in a notebook.
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
    return figure


def _png(figure: "Figure") -> bytes:
    from lecun89.render.figures import own_style

    buffer = BytesIO()
    with own_style():
        figure.savefig(buffer, format="png", dpi=72)
    return buffer.getvalue()


def _some(history: Sequence[PassResult], most: int = 8) -> Sequence[PassResult]:
    """All passes, or the first and the last ones."""
    return history if len(history) <= most else (*history[:2], *history[2 - most :])


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(text)}</th>" for text in headings)
    lines = [f"<tr>{cells}</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    ]
    return f"<table>{''.join(lines)}</table>"
