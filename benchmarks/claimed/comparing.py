"""Claims that are settled by comparing settings on the same seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lecun89
from claimed.claim import Claim, Report, Verdict, markdown, mean_of, one_more, p_of
from claimed.rates import NEAR, SGD
from claimed.training import Cell, Row
from lecun89.analysis.statistics import paired_p, summarise
from lecun89.data.sets import get_data

WHOLE = SGD.replace("half=yes", "half=no")

TEST = get_data("usps").test

PAPER_LOSSES = {"train_loss": 2.5e-3, "test_loss": 1.8e-2}


@dataclass(frozen=True)
class Setting:
    """One of the settings that are compared.

    Attributes:
        words: that stand for it in a table.
        variant: its variant.
        lr: its rate; None for the variant's.
        engine: that trains it.
    """

    words: str
    variant: str
    lr: float | None = None
    engine: str = "native"

    def cell(self, seed: int) -> Cell:
        """Its training with a seed."""
        return Cell(self.variant, "usps", seed, self.lr, engine=self.engine)

    def lines(self, rows: list[Row]) -> dict[int, Row]:
        """Its lines by seed, without those that diverged."""
        key = self.cell(0).key[:3]
        return {
            int(row["seed"]): row
            for row in rows
            if (row["variant"], row["data"], row["lr"]) == key and row["test_misses"]
        }

    def column(self, rows: list[Row], column: str) -> dict[int, float]:
        """A column of its lines, by seed."""
        return {seed: float(row[column]) for seed, row in self.lines(rows).items()}

    def errors(self, rows: list[Row]) -> dict[int, float]:
        """Test error in percent, by seed."""
        misses = self.column(rows, "test_misses")
        return {seed: 100 * value / TEST for seed, value in misses.items()}


def differences(ours: dict[int, float], others: dict[int, float]) -> list[float]:
    """Ours less the others', on the seeds that both have."""
    return [value - others[seed] for seed, value in ours.items() if seed in others]


def in_words(changes: Sequence[float], digits: int = 2) -> str:
    """The mean of differences with its interval and p-value."""
    return f"{mean_of(changes, digits)}, p {p_of(paired_p(changes))}"


def is_more(changes: Sequence[float]) -> bool:
    """Whether differences are above 0 by more than chance."""
    p = paired_p(changes)
    return p is not None and p < 0.05 and summarise(changes).mean > 0


def _every(settings: Iterable[Setting], seeds: Iterable[int]) -> list[Cell]:
    settings = [*settings]
    return [setting.cell(seed) for seed in seeds for setting in settings]


ORDERS = (
    (Setting("SDLM, constant", "paper"), Setting("SDLM, new", "paper+shuffle=yes")),
    (Setting("SGD, constant", SGD, 0.03), Setting("SGD, new", f"{SGD}+shuffle=yes", 0.03)),
)


def _order_report(rows: list[Row]) -> Report:
    table, changes = [], []
    for pair in ORDERS:
        constant, new = (one.errors(rows) for one in pair)
        changes.append(differences(new, constant))
        for one, change in zip(pair, ("", in_words(changes[-1])), strict=True):
            errors = [*one.errors(rows).values()]
            train = [*one.column(rows, "train_misses").values()]
            loss = [1e3 * value for value in one.column(rows, "train_loss").values()]
            cells = (mean_of(loss, 2), mean_of(train), mean_of(errors, 2))
            table.append([one.words, len(errors), *cells, change])
    headings = [
        *("optimizer, order", "seeds", "train loss, 1e-3", "train misses", "test error, %"),
        "new less constant, points",
    ]
    better = [is_more([-change for change in some]) for some in changes]
    means = [[summarise([*one.errors(rows).values()]).mean for one in pair] for pair in ORDERS]
    worst = max(constant / new for constant, new in means)
    return Report(
        f"a new order each pass changes the test error by {summarise(changes[0]).mean:+.2f} points "
        f"(SGD: {summarise(changes[1]).mean:+.2f})",
        len(changes[0]),
        f"{in_words(changes[0])} (SGD: {in_words(changes[1])})",
        "holds" if not any(better) else "partly" if worst <= NEAR else "does not hold",
        markdown(headings, table),
    )


HALVES = (
    Setting("SDLM 0.0005, with", "paper"),
    Setting("SDLM 0.0005, without", "paper+half=no"),
    Setting("SGD 0.03, with", SGD, 0.03),
    Setting("SGD 0.03, without", WHOLE, 0.03),
    Setting("SGD 0.06, with", SGD, 0.06),
)


def _half_report(rows: list[Row]) -> Report:
    table, inside = [], {}
    for one in HALVES:
        losses = {key: [*one.column(rows, key).values()] for key in PAPER_LOSSES}
        bands = {key: one_more(values) for key, values in losses.items()}
        inside[one] = [low <= PAPER_LOSSES[key] <= high for key, (low, high) in bands.items()]
        errors = [*one.errors(rows).values()]
        shown = [mean_of([1e3 * value for value in some], 2) for some in losses.values()]
        table.append([one.words, len(errors), *shown, mean_of(errors, 2), f"{sum(inside[one])}"])
    same = {
        name: _same(rows, ours, other)
        for name, ours, other in (
            ("SDLM with and without", *HALVES[:2]),
            ("SGD at 0.03 without and at 0.06 with", *HALVES[3:]),
        )
    }
    headings = [
        *("optimizer, the 1/2", "seeds", "train loss, 1e-3", "test loss, 1e-3", "test error, %"),
        "of the paper's 2 losses",
    ]
    with_, without = HALVES[:2]
    verdict: Verdict = "cannot tell"
    if all(inside[with_]) != all(inside[without]):
        verdict = "holds" if all(inside[with_]) else "does not hold"
    alike = "; ".join(f"{name}: {a} of {n} seeds miss as many" for name, (a, n) in same.items())
    means = [
        summarise([*one.column(rows, key).values()]).mean
        for one in HALVES[:2]
        for key in PAPER_LOSSES
    ]
    return Report(
        f"losses {1e3 * means[0]:.2f}e-3 and {1e3 * means[1]:.1f}e-3 with the 1/2, "
        f"{1e3 * means[2]:.2f}e-3 and {1e3 * means[3]:.1f}e-3 without; the weights are the same",
        len(with_.errors(rows)),
        "of one more seed with it: "
        + ", ".join(
            "{:.2f} to {:.2f}e-3".format(
                *(1e3 * v for v in one_more([*with_.column(rows, key).values()]))
            )
            for key in PAPER_LOSSES
        ),
        verdict,
        f"{markdown(headings, table)}\n\nAfter every pass, {alike}.",
    )


def _same(rows: list[Row], ours: Setting, other: Setting) -> tuple[int, int]:
    """Seeds that have as many test misses after every pass in both settings, and all seeds."""
    one, two = (setting.lines(rows) for setting in (ours, other))
    both = one.keys() & two.keys()
    return sum(one[seed]["by_pass"] == two[seed]["by_pass"] for seed in both), len(both)


TARGETS = (
    (
        Setting("scaled tanh, 1 (quasi-linear)", "paper"),
        Setting("scaled tanh, 1.7159 (asymptotes)", "paper+target=1.7159"),
    ),
    (
        Setting("tanh, 0.58 (quasi-linear)", "paper+squash=tanh+target=0.58"),
        Setting("tanh, 1 (asymptotes)", "paper+squash=tanh"),
    ),
)


def measure_weights(result: lecun89.Result, data_dir: Path) -> dict[str, object]:
    """How large the weights of out are."""
    weights = np.asarray(result.state["outw"], np.float64)
    return {"out_weights": f"{np.sqrt((weights**2).mean()):.6g}"}


def _targets_report(rows: list[Row]) -> Report:
    table, worse, larger, changes, times = [], [], [], [], []
    for pair in TARGETS:
        linear, flat = (one.errors(rows) for one in pair)
        changes.append(differences(flat, linear))
        worse.append(is_more(changes[-1]))
        weights = [one.column(rows, "out_weights") for one in pair]
        larger.append(is_more(differences(weights[1], weights[0])))
        small, large = (summarise([*of.values()]).mean for of in weights)
        times.append(large / small)
        for one, change in zip(pair, ("", in_words(changes[-1])), strict=True):
            errors = [*one.errors(rows).values()]
            size = [*one.column(rows, "out_weights").values()]
            train = [*one.column(rows, "train_misses").values()]
            table.append(
                [
                    one.words,
                    len(errors),
                    mean_of(train),
                    mean_of(errors, 2),
                    mean_of(size, 2),
                    change,
                ]
            )
    headings = [
        *("squashing, target", "seeds", "train misses", "test error, %"),
        *("weights of out, root mean square", "asymptotes less quasi-linear, points"),
    ]
    holds = sum(worse) + sum(larger)
    return Report(
        f"targets at the asymptotes make the weights of out {times[0]:.1f} times as large (tanh: "
        f"{times[1]:.1f}) and change the test error by {summarise(changes[0]).mean:+.2f} points "
        f"(tanh: {summarise(changes[1]).mean:+.2f})",
        len(changes[0]),
        f"points {in_words(changes[0])} (tanh: {in_words(changes[1])})",
        "holds" if holds == 4 else "partly" if holds else "does not hold",
        markdown(headings, table),
    )


def _flat(pairs: Iterable[Iterable[Setting]]) -> list[Setting]:
    return [one for pair in pairs for one in pair]


CONSTANT_ORDER = Claim(
    "constant-order",
    lambda seeds: _every(_flat(ORDERS), seeds),
    _order_report,
    also=("kernels",),
)
HALF = Claim("half", lambda seeds: _every(HALVES, seeds), _half_report, also=("kernels",))
TARGETS_CLAIM = Claim(
    "targets",
    lambda seeds: _every(_flat(TARGETS), seeds),
    _targets_report,
    ("out_weights",),
    measure_weights,
)
