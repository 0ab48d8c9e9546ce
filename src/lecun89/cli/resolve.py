"""What the flags of `train` come to: settings with their origins, or what is to be resumed."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.sweeps import Sweep
    from lecun89.training.runs import Run

_VALUES = ("variant", "data", "seed", "passes", "lr", "batch_size", "device", "engine", "threads")


def new_settings(context: typer.Context) -> "Settings":
    """The settings that flags and environment ask for."""
    from lecun89.settings import resolve

    given = context.params
    sources = {name: _source(context, name) for name in _VALUES}
    if given["seeds"] is not None:
        if sources["seed"] == "flag":
            raise UsageError("--seed and --seeds cannot be combined")
        sources["seed"] = "flag"
    return resolve(
        **{name: given[name] for name in _VALUES},
        assumptions=given["assume"] or (),
        origins={name: source for name, source in sources.items() if source is not None},
    )


def resumed(context: typer.Context, names: list[str], runs_dir: Path) -> "Run | Sweep":
    """The run, or the directory of several seeds, to resume; its configuration stays as it is.

    Raises:
        FileFormatError: there is none, or it is damaged.
        UsageError: a flag asks for something else than it has.
    """
    from lecun89 import devices, engines
    from lecun89.sweeps import is_seeds, open_seeds
    from lecun89.training.runs import find_run, open_run

    if len(names) > 1:
        raise UsageError("--resume takes one run: resume them one after the other")
    path = find_run(names[0], runs_dir)
    found = open_seeds(path) if is_seeds(path) else open_run(path)
    settings = found.settings
    _check_unchanged(context, settings, path)
    devices.check_threads(settings.threads)
    devices.choose(settings.device, step_size=settings.step_size)
    engines.get_engine(settings.engine).check(settings.trained, settings.device)
    return found


def _check_unchanged(context: typer.Context, settings: "Settings", path: Path) -> None:
    from lecun89.variants import get_variant

    for name, kept in settings.as_document().items():
        value = context.params[name]
        if name == "variant":
            value = get_variant(value).name
        if _source(context, name) != "flag" or str(value) in ("auto", str(kept)):
            continue
        if (value, kept) == ("cuda", "cuda:0"):
            continue
        flag = f"--{name.replace('_', '-')}"
        raise UsageError(
            f"{flag} {value} conflicts with {path}, which has {kept}: "
            f"leave {flag} out, or start a new run"
        )


def _source(context: typer.Context, name: str) -> str | None:
    source = context.get_parameter_source(name)
    known = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment"}
    return None if source is None else known.get(source.name)
