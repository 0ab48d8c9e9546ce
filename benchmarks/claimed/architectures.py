"""What shared weights and the number of planes are worth."""

from collections.abc import Iterable
from itertools import pairwise, zip_longest

from claimed import rejecting
from claimed.claim import Claim, Report, markdown, mean_of, one_more
from claimed.comparing import Setting, differences, in_words, is_more
from claimed.training import Cell, Row
from lecun89.analysis.statistics import summarise
from lecun89.data.sets import get_data
from lecun89.network.structures import structure_of
from lecun89.variants import get_variant

USPS = get_data("usps")

PAPER = Setting("`paper`", "paper")
FULL = Setting("`fc40`", "fc40", engine="graph")
FULL_REPORTS = {"train": 1.6, "test": 8.1, "rejected": 19.4}
PAPER_REPORTS = {"train": 0.14, "test": 5.0, "rejected": 12.1}
"""In percent: training errors, test errors, rejected for 1% of errors on the rest."""


def _numbers(rows: list[Row], one: Setting) -> dict[str, dict[int, float]]:
    """What the paper reports of a network, of each seed."""
    scale = {"train": ("train_misses", USPS.train), "rejected": ("test_rejected", USPS.test)}
    scaled = {
        name: {seed: 100 * value / total for seed, value in one.column(rows, column).items()}
        for name, (column, total) in scale.items()
    }
    return {"train": scaled["train"], "test": one.errors(rows), "rejected": scaled["rejected"]}


def _shared_cells(seeds: Iterable[int]) -> list[Cell]:
    return [one.cell(seed) for one in (PAPER, FULL) for seed in seeds]


def _shared_report(rows: list[Row]) -> Report:
    table, hits = [], {}
    for one, reports in ((PAPER, PAPER_REPORTS), (FULL, FULL_REPORTS)):
        numbers = {name: [*of.values()] for name, of in _numbers(rows, one).items()}
        bands = {name: one_more(values) for name, values in numbers.items()}
        hits[one] = [low <= reports[name] <= high for name, (low, high) in bands.items()]
        cells = [
            f"{mean_of(values, 2)}, paper {reports[name]:g}" for name, values in numbers.items()
        ]
        parameters = structure_of(get_variant(one.variant)).parameters
        table.append([one.words, f"{parameters:,}", len(numbers["test"]), *cells])
    paper, full = (_numbers(rows, one) for one in (PAPER, FULL))
    changes = {name: differences(full[name], paper[name]) for name in full}
    table.append(
        ["difference", "", len(changes["test"]), *(in_words(some) for some in changes.values())]
    )
    helps = is_more(changes["test"]) and is_more(changes["rejected"])
    means = {name: summarise([*of.values()]).mean for name, of in full.items()}
    low, high = one_more([*full["test"].values()])
    return Report(
        f"fully connected {means['train']:.2f}% training errors, {means['test']:.2f}% test errors, "
        f"{means['rejected']:.1f}% rejected ({sum(hits[FULL])} of 3 within reach); with shared "
        f"weights {summarise(changes['test']).mean:.2f} points fewer test errors",
        len(full["test"]),
        f"test errors {mean_of([*full['test'].values()], 2)}%, of one more seed {low:.2f} to "
        f"{high:.2f}%; points more than with shared weights {in_words(changes['test'])}",
        "does not hold" if not helps else "holds" if all(hits[FULL]) else "partly",
        markdown(
            [
                *("network", "parameters", "seeds", "training errors, %", "test errors, %"),
                "rejected for 1% of errors on the rest, %",
            ],
            table,
        ),
    )


def _shared_measure(result: object, data_dir: object) -> dict[str, object]:
    measured = rejecting.measure(result, data_dir)
    return {name: measured[name] for name in ("test_rejected", "test_accepted_misses")}


PLANES = (
    *(Setting(f"{planes}", f"paper+planes={planes}", engine="graph") for planes in (4, 6, 8)),
    Setting("12", "paper"),
)


PLANES_SEEDS = 10  # of half an hour each for a number of planes


def _planes_cells(seeds: Iterable[int]) -> list[Cell]:
    return [one.cell(seed) for one in PLANES for seed in [*seeds][:PLANES_SEEDS]]


def _planes_report(rows: list[Row]) -> Report:
    there = [one for one in PLANES if one.lines(rows)]
    errors = [one.errors(rows) for one in there]
    changes = [differences(fewer, more) for fewer, more in pairwise(errors)]
    whole = differences(errors[0], errors[-1])
    table = []
    for one, of, change in zip_longest(there, errors, changes):
        structure = structure_of(get_variant(one.variant))
        train = [100 * misses / USPS.train for misses in one.column(rows, "train_misses").values()]
        size = [f"{structure.parameters:,}", f"{structure.macs:,}", len(of)]
        shown = [mean_of(train, 2), mean_of([*of.values()], 2), in_words(change) if change else ""]
        table.append([one.words, *size, *shown])
    headings = [
        *("planes", "parameters", "multiply-accumulates", "seeds", "training errors, %"),
        *("test errors, %", "less the row below, points"),
    ]
    means = [f"{summarise([*of.values()]).mean:.2f}%" for of in errors]
    steps = all(map(is_more, changes))
    return Report(
        f"test errors {', '.join(means)} with {', '.join(one.words for one in there)} planes",
        min(map(len, errors)),
        f"{there[0].words} planes less {there[-1].words}: points {in_words(whole)}",
        "holds" if steps else "partly" if is_more(whole) else "does not hold",
        markdown(headings, table),
    )


SHARED_WEIGHTS = Claim(
    "shared-weights",
    _shared_cells,
    _shared_report,
    ("test_rejected", "test_accepted_misses"),
    _shared_measure,
    also=("rejection",),
    side_by_side=30,
)
FEWER_PLANES = Claim("fewer-planes", _planes_cells, _planes_report, also=("kernels",))
