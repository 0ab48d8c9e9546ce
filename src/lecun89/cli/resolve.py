"""What the flags of `train` come to: settings with their origins, or a run to go on with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lecun89.cli import options
from lecun89.devices import usable_cores
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.training.runs import Run


_SIDE_BY_SIDE = 1024  # networks at once, unless told otherwise: a few GB on a GPU


def new_settings(context: typer.Context) -> list[tuple["Settings", dict[str, str]]]:
    """Settings for each seed: flag, else environment, else what the variant says.

    Device and engine are chosen, and every value has its origin beside it.
    """
    from dataclasses import replace

    from lecun89 import devices, engines
    from lecun89.data import get_data
    from lecun89.parsing import parse_seeds
    from lecun89.settings import Settings, parse_batch_size
    from lecun89.variants import assume, get_variant

    given = context.params
    variant = assume(get_variant(given["variant"]), given["assume"] or ())
    data = get_data(given["data"])
    asked = Settings(
        variant=variant.name,
        data=data.name,
        seed=given["seed"],
        passes=variant.passes_on(data.name) if given["passes"] is None else given["passes"],
        lr=variant.lr if given["lr"] is None else given["lr"],
        batch_size=(
            variant.batch_size
            if given["batch_size"] is None
            else parse_batch_size(given["batch_size"])
        ),
        device=given["device"],
        engine=given["engine"],
        threads=devices.check_threads(given["threads"]),
    )
    device = devices.choose(asked.device, step_size=asked.step_size)
    engine = engines.choose(replace(asked, device=device.device))
    origins = {name: _origin(context, name) for name in asked.as_document()}
    if asked.device == "auto":
        origins["device"] = f"chosen: {device.reason}"
    if asked.engine == "auto":
        origins["engine"] = f"chosen: {engine.reason}"
    chosen = replace(asked, device=device.device, engine=engine.engine)
    if given["seeds"] is None:
        return [(chosen, origins)]
    if _origin(context, "seed") == "flag":
        raise UsageError("--seed and --seeds contradict each other: give one of them")
    origins["seed"] = "flag"
    return [(replace(chosen, seed=seed), origins) for seed in parse_seeds(given["seeds"])]


def workers(text: str, settings: "Settings", networks: int) -> int:
    """Networks to train at a time, at most as many as there are.

    Raises:
        UsageError: it is neither auto nor a number of at least 1.
    """
    from lecun89.engines import trains_side_by_side

    if trains_side_by_side(settings):
        auto = _SIDE_BY_SIDE
    else:
        auto = usable_cores() if settings.engine == "native" else 1
    return min(options.worker_count(text, auto), networks)


def _origin(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    if source is not None and source.name == "COMMANDLINE":
        return "flag"
    if source is not None and source.name == "ENVIRONMENT":
        return "environment"
    return "variant" if name in ("passes", "lr", "batch_size") else "default"


def unchanged_runs(context: typer.Context, names: "Sequence[str]", runs_dir: Path) -> list["Run"]:
    """The runs to go on with, which differ in their seeds alone.

    Raises:
        UsageError: a flag is against what a run has, or runs do not belong together.
    """
    from dataclasses import replace

    runs = [_open_unchanged(context, name, runs_dir) for name in names]
    for index, run in enumerate(runs):
        for before in runs[:index]:
            if run.path.samefile(before.path):
                raise UsageError(f"--resume names {run.path} twice")
            if run.settings.seed == before.settings.seed:
                raise UsageError(
                    f"{before.path} and {run.path} have the same seed, "
                    f"{run.settings.seed}: resume them one after the other"
                )
            if replace(run.settings, seed=before.settings.seed) != before.settings:
                raise UsageError(
                    f"{before.path} and {run.path} differ in more than their seeds: "
                    "resume them one after the other"
                )
    return runs


def _open_unchanged(context: typer.Context, resume: str, runs_dir: Path) -> "Run":
    """The run to go on with; its configuration is not up for change."""
    from lecun89.devices import check_threads
    from lecun89.training.runs import find_run, open_run
    from lecun89.variants import get_variant

    run = open_run(find_run(resume, runs_dir))
    check_threads(run.settings.threads)
    for name, kept in run.settings.as_document().items():
        value = context.params[name]
        if name == "variant":
            value = get_variant(value).name
        if _origin(context, name) != "flag" or str(value) in ("auto", str(kept)):
            continue
        if (value, kept) == ("cuda", "cuda:0"):
            continue
        flag = f"--{name.replace('_', '-')}"
        raise UsageError(
            f"{flag} {value} conflicts with {run.path}, which has {kept}: "
            f"leave {flag} out, or start a new run"
        )
    return run
