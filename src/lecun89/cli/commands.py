"""Commands as Typer makes them, and what it leaves out.

A flag given twice is refused, an unknown name gets a hint, a switch has no type in the help.
"""

from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lecun89.cli.completion import installing
from lecun89.exceptions import UsageError, nearest, shortened

# Typer has carried its own copy of click since 0.2x, so click's base class is found through it.
ClickError: type[Any] = typer.BadParameter.__mro__[2]

# What others call our flags and commands.
_FLAGS = {
    **dict.fromkeys(("epochs", "epoch", "num-epochs", "n-epochs"), ("passes",)),
    **dict.fromkeys(("gpu", "cuda", "use-gpu", "use-cuda"), ("device cuda",)),
    **dict.fromkeys(("cpu", "no-gpu", "no-cuda"), ("device cpu",)),
    "mps": ("device mps",),
    **dict.fromkeys(("batch", "bs", "minibatch"), ("batch-size",)),
    **dict.fromkeys(("learning-rate", "rate"), ("lr",)),
    **dict.fromkeys(("model", "arch", "network", "net"), ("variant",)),
    "dataset": ("data",),
    "random-state": ("seed",),
    **dict.fromkeys(("num-workers", "jobs", "processes"), ("workers",)),
    **dict.fromkeys(("output", "output-dir", "outdir"), ("out", "runs-dir")),
    **dict.fromkeys(("log-dir", "logdir"), ("runs-dir",)),
    **dict.fromkeys(("validation", "val", "valid"), ("split validation",)),
    "continue": ("resume",),
    "backend": ("engine",),
    "silent": ("quiet",),
}
_COMMANDS = {
    **dict.fromkeys(("evaluate", "test", "score"), ("eval",)),
    **dict.fromkeys(("fit", "run", "resume"), ("train",)),
    **dict.fromkeys(("benchmark", "time"), ("bench",)),
    **dict.fromkeys(("list", "ls", "models"), ("variants",)),
    **dict.fromkeys(("download", "data"), ("prepare",)),
    **dict.fromkeys(("check", "info"), ("doctor",)),
}


class Command(TyperCommand):
    """A command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer's, with our errors."""
        return _parse(self, ctx, args, super().parse_args)

    def get_params(self, ctx: Any) -> list[Any]:
        """As Typer's, without types in the help."""
        return _untyped(super().get_params(ctx))


class Group(TyperGroup):
    """The commands together."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer's, with our errors."""
        with installing(args):
            return _parse(self, ctx, args, super().parse_args)

    def get_params(self, ctx: Any) -> list[Any]:
        """As Typer's, without types in the help."""
        return _untyped(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer's, with our errors."""
        try:
            return super().resolve_command(ctx, args)
        except ClickError as error:
            meant = nearest(args[0], self.commands, _COMMANDS)
            raise _no_such("command", args[0], meant, ctx) from error


def _parse(command: Any, ctx: Any, args: list[str], parse: Callable[..., list[str]]) -> list[str]:
    given = list(args)  # parsing uses them up
    try:
        rest = parse(ctx, args)
    except ClickError as error:
        if not hasattr(error, "possibilities"):  # which an unknown flag has, and no other error
            raise
        name = error.option_name
        flags = [flag for param in command.get_params(ctx) for flag in _long_flags(param)]
        meant = nearest(name.lstrip("-").replace("_", "-"), flags, _FLAGS)
        raise _no_such("option", name, [f"--{flag}" for flag in meant], ctx) from error
    if not ctx.resilient_parsing:
        _refuse_repeated(command.make_parser(ctx).parse_args(given)[2])
    return rest


def _refuse_repeated(order: Iterable[Any]) -> None:
    """Refuse a flag of one value that was given several.

    Args:
        order: a parameter for each time that it was given.
    """
    seen: set[str] = set()
    for param in order:
        if param.param_type_name != "option" or param.is_flag or param.multiple:
            continue
        if param.name in seen:
            raise UsageError(f"{param.opts[0]} takes one value and is given twice: give it once")
        seen.add(param.name)


def _no_such(kind: str, name: str, meant: list[str], ctx: Any) -> UsageError:
    hint = f"did you mean {' or '.join(meant)}? " if meant else ""
    return UsageError(
        f"No such {kind} {shortened(name)!r}: {hint}`{ctx.command_path} --help` lists them"
    )


def _long_flags(param: Any) -> list[str]:
    flags = [*param.opts, *param.secondary_opts]
    return [flag.removeprefix("--") for flag in flags if flag.startswith("--")]


def _untyped(params: list[Any]) -> list[Any]:
    """Parameters, of which switches and arguments show no type where newer versions of Typer do."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
        elif param.param_type_name == "argument" and hasattr(param, "display_type_rich"):
            param.display_type_rich = lambda ctx: ""
            param.metavar = param.metavar.removesuffix("...").strip("[]")  # it adds them itself
    return params
