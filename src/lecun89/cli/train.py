"""``lecun89 train``."""

import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import FileFormatError, InterruptedRunError, UsageError

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.runs import Run
    from lecun89.settings import Settings
    from lecun89.training import PassResult


def train(
    context: typer.Context,
    variant: options.Variant = "base",
    data: options.Data = "1989",
    device: options.Device = "auto",
    engine: Annotated[
        str,
        typer.Option(
            "--engine", envvar="LECUN89_ENGINE", metavar="NAME", help="auto, native (C++) or eager (PyTorch)."
        ),
    ] = "auto",
    batch_size: Annotated[
        str,
        typer.Option(
            "--batch-size",
            envvar="LECUN89_BATCH_SIZE",
            metavar="N|full",
            help="Examples in a step.",
        ),
    ] = "1",
    passes: Annotated[
        int | None,
        typer.Option(
            "--passes",
            parser=options.number("--passes", int),
            envvar="LECUN89_PASSES",
            metavar="N",
            help="Passes over the training digits.",
            show_default="the variant's",
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            "--lr",
            parser=options.number("--lr", float),
            envvar="LECUN89_LR",
            metavar="F",
            help="Learning rate of the first pass.",
            show_default="the variant's",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            parser=options.number("--seed", int),
            envvar="LECUN89_SEED",
            metavar="N",
            help="Decides every random draw.",
        ),
    ] = 1337,
    threads: options.Threads = 1,
    runs_dir: options.RunsDir = Path("runs"),
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on with an interrupted run."),
    ] = None,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            "--checkpoint-seconds",
            parser=options.number("--checkpoint-seconds", float),
            metavar="S",
            help="Save the state this often within a pass; it is saved after every pass anyway.",
        ),
    ] = 60.0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print every value, where it came from, and the estimated time."
        ),
    ] = False,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Write event files into the run (extra tensorboard)."),
    ] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the curves into the run at the end (extra plots).")
    ] = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a network, digit by digit as in 1989 or in batches, and evaluate every pass.

    Ctrl-C stops it after a whole step, saved; --resume goes on to the very same result.
    """
    from contextlib import ExitStack

    from lecun89 import devices, engines, events, recording
    from lecun89.cli.signals import stop_signals
    from lecun89.render.progress import TrainingDisplay
    from lecun89.runs import create_run

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if not checkpoint_seconds > 0:
        raise UsageError(f"--checkpoint-seconds {checkpoint_seconds} is out of range: above 0")
    if dry_run and resume is not None:
        raise UsageError("--dry-run and --resume contradict each other: give one of them")
    directory = options.data_dir(data_dir)
    run = None if resume is None else _open(context, resume, runs_dir)
    if run is None:
        settings, origins = _resolve(context)
    else:
        settings, origins = run.settings, run.origins
        devices.choose(settings.device, batched=settings.batched)
    if settings.engine != "native":
        devices.set_up(settings.device, settings.threads)
    splits = _load(settings.data, directory)
    if dry_run:
        _print_plan(settings, origins, splits, json=json)
        return
    writer_class = events.summary_writer() if tensorboard else None
    if plot:
        from lecun89.render.charts import require_matplotlib

        require_matplotlib()

    with ExitStack() as stack:
        # From here on there is something to save.
        stop_signal = stack.enter_context(stop_signals())
        fresh = engines.make_engine(settings, splits)
        sha256 = {split: digits.sha256 for split, digits in splits.items()}
        machine = engines.describe_machine(settings)
        if run is None:
            run = create_run(runs_dir, settings, origins, sha256, machine, fresh.state())
        else:
            _check_unchanged(run, sha256, machine)
        _print_header(run, quiet=quiet, verbose=verbose)
        writer = None
        if writer_class is not None:
            first = run.load_state()[1].passes + 1
            writer = writer_class(str(run.path / "tensorboard"), purge_step=first)
            stack.callback(writer.close)
        display = stack.enter_context(TrainingDisplay(settings, quiet=quiet, lines_to_stderr=json))
        try:
            for result in recording.train(
                run,
                fresh,
                checkpoint_seconds=checkpoint_seconds,
                stop_signal=stop_signal,
                on_progress=display.show_progress,
            ):
                if writer is not None:
                    events.write_events(writer, result)
                display.show_pass(result)
        except BrokenPipeError:
            # Whoever read the lines has gone, as head does; the pass is saved.
            options.discard_stdout()
            raise InterruptedRunError(
                getattr(signal, "SIGPIPE", signal.SIGTERM),
                f"stdout was closed; {_how_to_go_on(run, data_dir)}",
            ) from None
        except InterruptedRunError as error:
            raise InterruptedRunError(
                error.signum, f"{error}; {_how_to_go_on(run, data_dir)}"
            ) from None
    _print_result(run, run.read_metrics(), quiet=quiet, json=json)
    if plot:
        from lecun89.cli.plot import curve_files
        from lecun89.outputdir import write_files

        advice = "draw the curves elsewhere with `lecun89 plot --out DIR`"
        write_files(run.path / "plots", "plot", curve_files([run]), advice=advice)


def _resolve(context: typer.Context) -> tuple["Settings", dict[str, str]]:
    """Flag, else environment, else what the variant says; then what is left to choose."""
    from dataclasses import replace

    from lecun89 import devices, engines
    from lecun89.data import get_data
    from lecun89.settings import Settings, parse_batch_size
    from lecun89.variants import get_variant

    given = context.params
    variant, data = get_variant(given["variant"]), get_data(given["data"])
    asked = Settings(
        variant=variant.name,
        data=data.name,
        seed=given["seed"],
        passes=variant.passes[data.name] if given["passes"] is None else given["passes"],
        lr=variant.lr if given["lr"] is None else given["lr"],
        batch_size=parse_batch_size(given["batch_size"]),
        device=given["device"],
        engine=given["engine"],
        threads=devices.check_threads(given["threads"]),
    )
    device = devices.choose(asked.device, batched=asked.batched)
    engine = engines.choose(replace(asked, device=device.device))
    origins = {name: _origin(context, name) for name in asked.as_document()}
    if asked.device == "auto":
        origins["device"] = f"chosen: {device.reason}"
    if asked.engine == "auto":
        origins["engine"] = f"chosen: {engine.reason}"
    return replace(asked, device=device.device, engine=engine.engine), origins


def _origin(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    if source is not None and source.name == "COMMANDLINE":
        return "flag"
    if source is not None and source.name == "ENVIRONMENT":
        return "environment"
    return "variant" if name in ("passes", "lr") else "default"


def _open(context: typer.Context, resume: str, runs_dir: Path) -> "Run":
    """The run to go on with; its configuration is not up for change."""
    from lecun89.devices import check_threads
    from lecun89.runs import find_run, open_run

    run = open_run(find_run(resume, runs_dir))
    check_threads(run.settings.threads)
    for name, kept in run.settings.as_document().items():
        value = context.params[name]
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


def _load(data: str, directory: Path) -> dict[str, "Digits"]:
    from lecun89.data import load

    return {split: load(data, split, directory) for split in ("train", "test")}


def _check_unchanged(run: "Run", sha256: dict[str, str], machine: dict[str, Any]) -> None:
    if run.data_sha256 != sha256:
        raise FileFormatError(
            f"{run.path} was started on other digits than {run.settings.data} holds now: "
            "start a new run"
        )
    for name, value in machine.items():
        if run.machine.get(name) != value:
            options.note(
                f"warning: the run was started with {name} {run.machine.get(name)}, this is "
                f"{value}; its bits may come out otherwise"
            )


def _how_to_go_on(run: "Run", data_dir: Path | None) -> str:
    words = ["lecun89", "train", "--resume", str(run.path)]
    if data_dir is not None and "LECUN89_DATA_DIR" not in os.environ:
        words += ["--data-dir", str(data_dir)]
    return f"go on with: {shlex.join(words)}"


def _print_header(run: "Run", *, quiet: bool, verbose: bool) -> None:
    settings, origins = run.settings, run.origins
    reasons = {name: origins[name].removeprefix("chosen: ") for name in ("device", "engine")}
    options.note(
        f"{settings.variant} on {settings.data}: {settings.passes:,} x "
        f"{settings.steps_per_pass:,} steps, seed {settings.seed}; {settings.device} "
        f"({reasons['device']}), {settings.engine} engine ({reasons['engine']})",
        quiet=quiet,
    )
    if verbose:
        for name, value in settings.as_document().items():
            options.note(f"  {name.replace('_', ' ')}: {value} ({origins[name]})")
        options.note(f"  run: {run.path}")


def _print_result(run: "Run", results: list["PassResult"], *, quiet: bool, json: bool) -> None:
    last = results[-1]
    if json:
        scores = {"test": last.test, "train": last.train}
        seconds = sum(result.seconds for result in results)
        settings = run.settings
        options.print_json(
            options.result_document(str(run.path), settings.variant, settings.data, seconds, scores)
        )
        return
    if quiet:
        from lecun89.render.lines import eval_line

        print(eval_line("train", last.train))
        print(eval_line("test", last.test))
    else:
        from lecun89.render.tables import closing_table

        options.print_table(closing_table(run.settings, results))
    print(run.path)


def _print_plan(
    settings: "Settings", origins: dict[str, str], splits: dict[str, "Digits"], *, json: bool
) -> None:
    from lecun89.engines import make_engine
    from lecun89.estimate import estimate
    from lecun89.render.lines import duration
    from lecun89.render.tables import plain_table

    result = estimate(make_engine(settings, splits), settings)
    values: dict[str, Any] = settings.as_document()
    steps = settings.passes * settings.steps_per_pass
    if json:
        options.print_json(
            {
                "settings": {
                    name: {"value": value, "origin": origins[name]}
                    for name, value in values.items()
                },
                "steps": steps,
                "estimate": vars(result),
            }
        )
        return
    rows = [(name.replace("_", " "), str(value), origins[name]) for name, value in values.items()]
    options.print_table(plain_table(["", "value", "from"], rows))
    print(
        f"{steps:,} steps; about {duration(result.seconds)}: "
        f"{result.seconds_per_step * 1e6:,.0f} us a step over {result.measured_steps} steps, "
        f"{duration(result.seconds_per_evaluation)} an evaluation"
    )
