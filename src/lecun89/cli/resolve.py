"""What the flags of `train` come to: settings with their origins, or what is to be resumed."""

import logging
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import DeviceError, UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.sweeps import Sweep
    from lecun89.training.runs import Run

_log = logging.getLogger(__name__)

_CHANGEABLE = ("passes", "device", "threads")  # when a run is resumed
_UNASKED = ("default", "variant")  # origins of values that a command has by itself
_VALUES = ("variant", "data", "seed", "passes", "lr", "batch_size", "device", "engine", "threads")


def new_settings(context: typer.Context) -> "Settings":
    """The settings that flags and environment ask for."""
    from lecun89.settings import resolve

    given = context.params
    sources = {name: options.source(context, name) for name in _VALUES}
    if given["seeds"] is not None:
        if sources["seed"] == "flag":
            raise UsageError("--seed and --seeds cannot be combined")
        sources["seed"] = "flag"
    return resolve(
        **{name: given[name] for name in _VALUES},
        assumptions=given["assume"] or (),
        origins={name: source for name, source in sources.items() if source is not None},
    )


def resumed(
    context: typer.Context, names: list[str], runs_dir: Path
) -> "tuple[Run | Sweep, Settings]":
    """The run, or the directory of several seeds, to resume, and its settings from here on.

    They are those it has, but for more passes, another device and other threads.

    Raises:
        FileFormatError: there is none, or it is damaged.
        UsageError: a flag asks for something else than it has.
        DeviceError: its device is not available.
    """
    from lecun89.sweeps import is_seeds, open_seeds
    from lecun89.training.runs import find_run, open_run

    if len(names) > 1:
        raise UsageError("--resume takes one run: resume them one after the other")
    path = find_run(names[0], runs_dir)
    found = open_seeds(path) if is_seeds(path) else open_run(path)
    seeds = [cell.seed for cell in getattr(found, "cells", [found.settings])]
    asked = _Resumed(context, path, found.settings, seeds)
    return found, asked.settings()


@dataclass(frozen=True)
class _Resumed:
    """What the flags ask of a run that is resumed."""

    context: typer.Context
    path: Path
    kept: "Settings"
    seeds: list[int]

    def settings(self) -> "Settings":
        """Those from here on; what makes its bits uncertain is logged."""
        self._check_unchanged()
        found: dict[str, Any] = {
            "passes": self._passes(),
            "device": self._device(),
            "threads": self._threads(),
        }
        for name in ("device", "threads") if self._needs_torch else ():
            if found[name] != (before := getattr(self.kept, name)):
                _log.warning(
                    "warning: %s was trained with %s %s and goes on with %s; "
                    "results may not be bit-identical",
                    *(self.path, name, before, found[name]),
                )
        new = [name for name, value in found.items() if value != getattr(self.kept, name)]
        origins = {**self.kept.origins, **dict.fromkeys(new, "flag")}
        return replace(self.kept, **found, origins=origins)

    def _flag(self, name: str) -> Any:
        """The value of a flag; None where it is not on the command line."""
        return self.context.params[name] if options.source(self.context, name) == "flag" else None

    def _check_unchanged(self) -> None:
        from lecun89.variants import get_variant

        for name, kept in self.kept.as_document().items():
            value = self._flag(name)
            if name == "variant" and value is not None:
                value = get_variant(value).name
            if name in _CHANGEABLE or value is None or str(value) in ("auto", str(kept)):
                continue
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} {value} conflicts with {self.path}, which has {kept}: "
                f"leave {flag} out, or start a new run"
            )

    def _passes(self) -> int:
        kept, asked = self.kept.passes, self._flag("passes")
        if asked is None or asked == kept:
            return kept
        replace(self.kept, passes=asked)  # which refuses what is out of range
        anew = f"start a new run with: {self._command(passes=asked)}"
        if asked < kept:
            raise UsageError(
                f"--passes {asked} conflicts with {self.path}, which has {kept}: "
                f"leave --passes out, or {anew}"
            )
        if not self.kept.trained.constant_rate:
            raise UsageError(
                f"--passes {asked} cannot extend {self.path}: the learning rates of "
                f"{self.kept.variant} depend on the number of passes, which was {kept}; {anew}"
            )
        return int(asked)

    def _device(self) -> str:
        from lecun89 import devices
        from lecun89.engines import get_engine

        asked, kept, kind = self._flag("device"), self.kept, get_engine(self.kept.engine)
        if asked in (None, "auto"):
            asked = kept.device
        elif (reason := kind.lacking(kept.trained, asked)) is not None:
            anew = self._command(device=asked, engine="auto")
            raise UsageError(
                f"--device {asked} cannot be used for {self.path}, which has the {kind.name} "
                f"engine: {reason}; leave --device out, or start a new run with: {anew}"
            )
        try:
            device = devices.choose(asked, step_size=kept.step_size).device
        except DeviceError as error:
            if asked != kept.device:
                raise
            advice = f"{self.path} was trained there: resume it with --device cpu"
            raise DeviceError(f"{error}; {advice}") from error
        kind.check(kept.trained, device)
        return device

    def _threads(self) -> int | None:
        from lecun89.cores import parse_threads

        if (asked := self._flag("threads")) is not None:
            return parse_threads(asked) or (1 if self._needs_torch else None)
        if self._needs_torch and self.kept.threads is not None:
            try:
                parse_threads(self.kept.threads)
            except UsageError as error:
                advice = f"{self.path} was trained with them: resume it with --threads N"
                raise UsageError(f"{error}; {advice}") from error
        return self.kept.threads

    @property
    def _needs_torch(self) -> bool:
        from lecun89.engines import get_engine

        return get_engine(self.kept.engine).needs_torch

    def _command(self, **changes: Any) -> str:
        """The command that begins the same training anew, but for some values."""
        from lecun89.parsing import seeds_in_words

        kept, values = self.kept, {**self.kept.as_document(), **changes}
        left_out = {"seed"} | {
            name
            for name, origin in kept.origins.items()
            if name not in ("variant", "data", *changes)
            and (origin in _UNASKED or origin.startswith("chosen: "))
        }
        for name in ("runs_dir", "data_dir"):
            values[name] = self._flag(name)
        words = ["lecun89", "train"]
        for name, value in values.items():
            if name not in left_out and value not in (None, "auto"):
                words += [f"--{name.replace('_', '-')}", str(value)]
        words += ["--seeds" if len(self.seeds) > 1 else "--seed", seeds_in_words(self.seeds)]
        return shlex.join(words)
