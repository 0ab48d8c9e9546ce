"""``lecun89 explain``."""

from pathlib import Path
from typing import Annotated

import typer

from lecun89.cli import options, targets
from lecun89.exceptions import UsageError

Claims = Annotated[
    bool, typer.Option("--claims", help="List the paper's claims, and ours beside them.")
]
ThenAndNow = Annotated[
    bool,
    typer.Option(
        "--then-and-now", help="Train base here, in seconds, and set 1989 and 2022 beside it."
    ),
]


def explain(
    context: typer.Context,
    variant: options.Variant = "base",
    claims: Claims = False,
    then_and_now: ThenAndNow = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Check the network's arithmetic against the paper, and time it beside the modern one.

    Layer by layer: units, connections, parameters, multiply-accumulates; then what the paper
    leaves open and what is assumed here.

    `lecun89 explain --claims`: what the paper claims, and whether it holds here.
    `lecun89 explain --then-and-now`: three days in 1989, 90 seconds in 2022, and how long here.
    """
    options.set_up_logging(quiet=quiet, verbose=verbose)
    _refuse_combinations(context, claims=claims, then_and_now=then_and_now)
    if claims:
        _claims(json=json, quiet=quiet)
    elif then_and_now:
        _then_and_now(data_dir, json=json, quiet=quiet)
    else:
        _arithmetic(variant, json=json, quiet=quiet)


def _refuse_combinations(context: typer.Context, *, claims: bool, then_and_now: bool) -> None:
    given = [
        flag
        for flag, is_given in (
            ("--claims", claims),
            ("--then-and-now", then_and_now),
            ("--variant", options.source(context, "variant") == "flag"),
        )
        if is_given
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot be combined: leave one out")
    if not then_and_now and options.source(context, "data_dir") == "flag":
        raise UsageError("--data-dir only applies to --then-and-now, which needs digits")


def _arithmetic(variant: str, *, json: bool, quiet: bool) -> None:
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.analysis import arithmetic
    from lecun89.render import explaintables as tables
    from lecun89.variants import get_variant

    chosen = get_variant(variant)
    targets.set_up_device("cpu")
    explanation = arithmetic.explain(chosen)
    if json:
        options.print_json(tables.document(explanation))
        return
    options.print_words(f"{chosen.name}: {chosen.change}")
    options.print_table(tables.layers_table(explanation))
    if quiet:
        return
    options.print_words("units of all: with the 256 pixels, as the paper counts")
    options.print_table(tables.open_table())
    options.print_table(tables.assumptions_table(explanation))
    options.print_table(tables.costs_table(explanation))
    options.print_words("PyTorch on the CPU, one thread, medians of 5 in turn")


def _claims(*, json: bool, quiet: bool) -> None:
    from lecun89.analysis.claims import CLAIMS, claims_document, measured_claims
    from lecun89.render.claimslines import claims_lines, verdict_of

    measured = measured_claims()
    if json:
        options.print_json(claims_document(measured))
    elif quiet:
        print("\n".join(f"{claim.name}: {verdict_of(claim.name, measured)}" for claim in CLAIMS))
    else:
        print("\n".join(claims_lines(measured, options.stdout_console().width)))


def _then_and_now(data_dir: Path | None, *, json: bool, quiet: bool) -> None:
    from lecun89.analysis.thennow import Projection, columns
    from lecun89.bench import busy, describe, measure_whole_training
    from lecun89.data import load
    from lecun89.render import thennowtable as tables

    directory = options.data_dir(data_dir, "1989")
    splits = {split: load("1989", split, directory) for split in ("train", "test")}
    options.note("training base, 23 passes, or a part of it where that takes long", quiet=quiet)
    whole = measure_whole_training(splits)
    here = whole.as_column()
    shown = columns(here)
    machine = describe([whole.settings])
    if (busy_with := busy(machine)) is not None:
        options.note(f"warning: {busy_with}; times will be too long", quiet=quiet)
    projection = Projection(here)
    if json:
        options.print_json(
            {
                "columns": [column.as_document() for column in shown],
                "in_2055": projection.as_document(),
                "measured": whole.as_document(),
                "machine": machine,
            }
        )
        return
    options.print_table(tables.then_and_now_table(shown))
    if quiet:
        return
    for line in (*tables.remarks(whole, here), "", *tables.projection_lines(projection)):
        options.print_words(line)
