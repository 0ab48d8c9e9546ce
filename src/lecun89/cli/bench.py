"""``lecun89 bench``."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import UsageError, shortened

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
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Compare with a result of another machine; replace the --save file."
    ),
]


def bench(
    variant: options.Variant = "base",
    device: options.Device = "auto",
    until_error: UntilError = 4.1,
    seeds: Seeds = "0..9",
    quick: Quick = False,
    full: Full = False,
    save: Save = None,
    compare: Compare = None,
    fail_if: FailIf = None,
    force: Force = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Measure the cost of a step and the time to a target error, in every configuration.

    Rows marked ~ are projected from the cost of a step. The rules are in docs/bench.md.
    """
    from lecun89 import bench as service
    from lecun89.data import load
    from lecun89.parsing import parse_seeds
    from lecun89.storage.files import write_json

    options.set_up_logging(quiet=quiet, verbose=verbose)
    plan = service.Plan(
        variant=variant, until_error=until_error, seeds=parse_seeds(seeds), quick=quick, full=full
    )
    slower = _slower(fail_if, compare)
    then = None if compare is None else service.read_result(compare)
    _check_save(save, force=force)
    directory = options.data_dir(data_dir, "1989")
    splits = {split: load("1989", split, directory) for split in ("train", "test")}
    session = service.Session(plan, device)
    if then is not None:
        session.check_comparable(then, force=force)
    if (busy := service.busy(session.machine)) is not None:
        options.note(f"warning: {busy}; times will be too long", quiet=quiet)

    document = session.measure(splits, lambda text: options.note(text, quiet=quiet))
    if save is not None:
        write_json(save, {"schema_version": 1, **document})
    comparison = [] if then is None else service.compare(document, then)
    if then is not None:
        document["comparison"] = [vars(one) for one in comparison]
    if json:
        options.print_json(document)
    else:
        _print(document)
    if slower is not None and compare is not None:
        service.check_not_slower(comparison, slower, compare)


def _slower(text: str | None, compare: Path | None) -> float | None:
    if text is None:
        return None
    if compare is None:
        raise UsageError("--fail-if needs --compare: give the result to compare with")
    match = re.fullmatch(r"slower:(\d+(?:\.\d+)?)%?", text, re.ASCII)
    if match is None:
        raise UsageError(f"--fail-if {shortened(text)!r} is not like slower:10%")
    return float(match[1])


def _check_save(path: Path | None, *, force: bool) -> None:
    if path is None:
        return
    options.check_file("--save", path)
    if path.exists() and not force:
        raise UsageError(f"--save {path} exists: choose another file, or use --force")


def _print(document: dict[str, Any]) -> None:
    from lecun89.render.benchtable import for_terminal

    for part in for_terminal(document):
        show = options.print_line if isinstance(part, str) else options.print_table
        show(part)
