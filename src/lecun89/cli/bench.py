"""``lecun89 bench``."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import FileFormatError, UsageError, one_line, shortened

if TYPE_CHECKING:
    from lecun89.bench import Plan

UntilError = Annotated[
    float,
    typer.Option(
        "--until-error",
        parser=options.number("--until-error", float),
        metavar="PERCENT",
        help="The mean test error to reach; the paper's is 5.0.",
    ),
]
Seeds = Annotated[
    str, typer.Option("--seeds", metavar="LIST", help="Seeds to train to that error.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Measure costs only, in at most 20 seconds.")]
Full = Annotated[
    bool,
    typer.Option("--full", help="Train every seed in every configuration, however long it takes."),
]
Save = Annotated[
    Path | None,
    typer.Option(
        "--save", parser=options.path("--save"), metavar="FILE", help="Write the result as JSON."
    ),
]
Compare = Annotated[
    Path | None,
    typer.Option(
        "--compare",
        parser=options.path("--compare"),
        metavar="FILE",
        help="Compare with a saved result.",
    ),
]
FailIf = Annotated[
    str | None,
    typer.Option(
        "--fail-if",
        metavar="slower:PERCENT",
        help="Exit with 3 if a step is slower than in --compare by more than that.",
    ),
]
Saved = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RESULT]",
        parser=options.path("RESULT"),
        help="A saved result to print, instead of measuring one.",
        show_default=False,
    ),
]
AnyMachine = Annotated[
    bool, typer.Option("--any-machine", help="Compare with a result of another machine, too.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the --save file.")]
_OF_MEASURING = ("variant", "device", "until_error", "seeds", "quick", "full", "save", "data_dir")


def bench(
    context: typer.Context,
    result: Saved = None,
    variant: options.Variant = "base",
    device: options.Device = "auto",
    until_error: UntilError = 4.1,
    seeds: Seeds = "0..9",
    quick: Quick = False,
    full: Full = False,
    save: Save = None,
    compare: Compare = None,
    any_machine: AnyMachine = False,
    fail_if: FailIf = None,
    force: Force = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure the cost of a step and the time to a target error, in every configuration.

    Rows marked ~ are projected from the cost of a step. The rules are in docs/bench.md.
    `--compare A B` compares two saved results, B with A.
    """
    from lecun89 import bench as service
    from lecun89.parsing import parse_seeds
    from lecun89.storage.files import is_stdout

    options.set_up_logging(quiet=quiet, verbose=verbose)
    plan = service.Plan(
        variant=variant, until_error=until_error, seeds=parse_seeds(seeds), quick=quick, full=full
    )
    options.check_one_form(json=json, csv=csv, markdown=markdown)
    to_stdout = save is not None and is_stdout(save)
    if to_stdout and (json or csv or markdown):
        raise UsageError(f"--json, --csv, --markdown and --save {save} cannot be combined")
    slower = _slower(fail_if, compare)
    then = None if compare is None else service.read_result(compare)
    if result is None:
        document = _measure(plan, then, context.params)
    else:
        _refuse_measuring(context, result)
        document = service.read_result(result)
        if then is not None and not any_machine:
            service.check_comparable(document, then)
    comparison = [] if then is None else service.compare(document, then)
    if then is not None:
        document["comparison"] = [vars(one) for one in comparison]
    if not to_stdout:
        try:
            _print(document, json=json, csv=csv, markdown=markdown)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if result is None:
                raise
            raise FileFormatError(
                f"{result} is not a result of `lecun89 bench --save`: {one_line(error)}"
            ) from error
    if slower is not None and compare is not None:
        service.check_not_slower(comparison, slower, compare)


def _measure(plan: "Plan", then: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any]:
    """The result, saved where that was asked for."""
    from lecun89 import bench as service
    from lecun89.data import load
    from lecun89.storage.files import write_json, writing

    quiet, save = given["quiet"], given["save"]
    if save is not None:
        options.check_file("--save", save, force=given["force"])
    directory = options.data_dir(given["data_dir"], "1989")
    splits = {split: load("1989", split, directory) for split in ("train", "test")}
    session = service.Session(plan, given["device"])
    if then is not None:
        session.check_comparable(then, any_machine=given["any_machine"])
    if (busy := service.busy(session.machine)) is not None:
        options.note(f"warning: {busy}; times will be too long", quiet=quiet)
    document = session.measure(splits, lambda text: options.note(text, quiet=quiet))
    if save is not None:
        with writing(save) as temporary:
            write_json(temporary, {"schema_version": 1, **document})
    return document


def _refuse_measuring(context: typer.Context, result: Path) -> None:
    for name in _OF_MEASURING:
        if options.source(context, name) == "flag":
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} is for measuring, and {result} is printed as it is: leave one out"
            )


def _slower(text: str | None, compare: Path | None) -> float | None:
    if text is None:
        return None
    if compare is None:
        raise UsageError("--fail-if needs --compare: give the result to compare with")
    match = re.fullmatch(r"slower:(\d+(?:\.\d+)?)%?", text, re.ASCII)
    if match is None:
        raise UsageError(f"--fail-if {shortened(text)!r} is not like slower:10%")
    return float(match[1])


def _print(document: dict[str, Any], *, json: bool, csv: bool, markdown: bool) -> None:
    from lecun89.render import benchtable

    parts = list(benchtable.for_terminal(document))  # so that nothing is printed by halves
    if json:
        options.print_json(document)
        return
    if csv or markdown:
        print(benchtable.as_csv(document) if csv else benchtable.as_markdown(document))
        return
    for part in parts:
        options.print_words(part) if isinstance(part, str) else options.print_table(part)
