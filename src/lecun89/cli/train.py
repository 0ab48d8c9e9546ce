"""``lecun89 train``."""

import os
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import FileFormatError, InterruptedRunError, Lecun89Error, UsageError

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.engines import Engine
    from lecun89.settings import Settings
    from lecun89.training.loop import PassResult
    from lecun89.training.runs import Run


def train(
    context: typer.Context,
    variant: options.Variant = "base",
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            metavar="KEY=VALUE",
            help="What the paper leaves open, see `lecun89 explain`, or a field of the variant, as "
            "activation=silu; may be given several times.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = "1989",
    device: options.Device = "auto",
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            envvar="LECUN89_ENGINE",
            metavar="NAME",
            help="auto, native (C++) or eager (PyTorch).",
        ),
    ] = "auto",
    batch_size: Annotated[
        str | None,
        typer.Option(
            "--batch-size",
            envvar="LECUN89_BATCH_SIZE",
            metavar="N|full",
            help="Examples in a step.",
            show_default="the variant's",
        ),
    ] = None,
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
            help="Learning rate of the first pass, or where a cycle is highest.",
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
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", metavar="LIST", help="Train one network for each seed: 0..9, or 1,5,7."
        ),
    ] = None,
    workers: Annotated[
        str,
        typer.Option(
            "--workers",
            envvar="LECUN89_WORKERS",
            metavar="N|auto",
            help="Networks at a time; auto is one for each core with the native engine.",
        ),
    ] = "auto",
    threads: options.Threads = 1,
    runs_dir: options.RunsDir = Path("runs"),
    resume: Annotated[
        list[str] | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Go on with an interrupted run; may be given several times.",
            show_default=False,
        ),
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

    from lecun89 import devices, engines
    from lecun89.cli import resolve
    from lecun89.cli.signals import stop_signals
    from lecun89.data import digests, load_training
    from lecun89.render.progress import SeedsDisplay, TrainingDisplay
    from lecun89.storage.outputdir import refuse_links
    from lecun89.training import checkpointing as recording
    from lecun89.training import tensorboard as events
    from lecun89.training.runs import create_run
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if not checkpoint_seconds > 0:
        raise UsageError(f"--checkpoint-seconds {checkpoint_seconds} is out of range: above 0")
    for name, given in (
        ("--dry-run", dry_run),
        ("--seeds", seeds is not None),
        ("--assume", bool(assume)),
    ):
        if given and resume:
            raise UsageError(f"{name} and --resume contradict each other: give one of them")
    directory = options.data_dir(data_dir)
    runs = resolve.unchanged_runs(context, resume or (), runs_dir)
    plans = [(run.settings, run.origins) for run in runs] or resolve.new_settings(context)
    settings, origins = plans[0]  # the others have other seeds, and nothing else
    together = seeds is not None or len(plans) > 1
    if runs:
        devices.choose(settings.device, step_size=settings.step_size)
        engines.choose(settings)
    _set_up(settings)
    at_a_time = resolve.workers(workers, settings, len(plans))
    splits = load_training(settings.data, [get_variant(settings.variant)], directory)
    if dry_run:
        _print_plan(settings, origins, splits, len(plans), at_a_time, json=json)
        return
    writer_class = events.summary_writer() if tensorboard else None
    if plot:
        from lecun89.render.charts import require_matplotlib

        require_matplotlib()

    began = time.perf_counter()
    with ExitStack() as stack:
        # From here on there is something to save.
        stop_signal = stack.enter_context(stop_signals())
        sha256 = digests(splits, settings.trained)
        machine = engines.describe_machine(settings)
        _print_header(plans, at_a_time, quiet=quiet, verbose=verbose)
        for run in runs:
            _check_unchanged(run, sha256, machine)
        for of, origins in plans if not runs else ():
            state = engines.initial_state(of, splits)
            runs.append(create_run(runs_dir, of, origins, sha256, machine, state))
            if stop_signal() is not None:
                break  # nothing of it is trained then, and the runs so far can be gone on with
        writers = {}
        if writer_class is not None:
            for run in runs:
                first, events_dir = run.load_state()[1].passes + 1, run.path / "tensorboard"
                refuse_links(events_dir, run.path)
                writer = writer_class(str(events_dir), purge_step=first)
                stack.callback(writer.close)
                writers[run.path] = writer
        display: TrainingDisplay | SeedsDisplay
        if together:
            display = SeedsDisplay(len(runs), quiet=quiet)
        else:
            display = TrainingDisplay(settings, quiet=quiet, lines_to_stderr=json)
        stack.enter_context(display)

        def make_engine(run: "Run") -> "Engine":
            _set_up(run.settings)  # PyTorch's number of threads is each thread's own
            return engines.make_engine(run.settings, splits)

        def on_pass(run: "Run", result: "PassResult") -> None:
            if run.path in writers:
                events.write_events(writers[run.path], result)
            display.show_pass(run, result)

        go_on = _how_to_go_on(runs, context.params)
        watching: dict[str, Any] = {
            "checkpoint_seconds": checkpoint_seconds,
            "stop_signal": stop_signal,
            "on_progress": display.show_progress,
            "on_pass": on_pass,
            "on_error": display.show_error,
        }
        try:
            if together and engines.trains_side_by_side(settings):
                failed = recording.train_together(
                    runs,
                    lambda some: engines.make_networks([run.settings for run in some], splits),
                    workers=at_a_time,
                    **watching,
                )
            else:
                failed = recording.train_all(runs, make_engine, workers=at_a_time, **watching)
        except BrokenPipeError:
            # Whoever read the lines has gone, as head does; the pass is saved.
            options.discard_stdout()
            raise InterruptedRunError(
                getattr(signal, "SIGPIPE", signal.SIGTERM), f"stdout was closed; {go_on}"
            ) from None
        except OSError as full:
            if full.filename is None:
                options.discard_stdout()
            reason = f"{full.filename or 'stdout'}: {full.strerror or full}"
            raise Lecun89Error(f"{reason}; {go_on}") from full
    for error in failed.values():
        if isinstance(error, InterruptedRunError):
            raise InterruptedRunError(error.signum, f"{error}; {go_on}") from None
        if not together:
            raise error
    ended = [run for run in runs if run.path not in failed]
    if not together:
        _print_result(runs[0], quiet=quiet, json=json)
    elif ended:
        _print_seeds(ended, time.perf_counter() - began, quiet=quiet, json=json)
    if plot:
        from lecun89.render.plotfiles import curve_files
        from lecun89.storage.outputdir import write_files

        advice = "draw the curves elsewhere with `lecun89 plot --out DIR`"
        for run in ended:
            files = curve_files([(run.path, run.settings, run.read_metrics())])
            write_files(run.path / "plots", "plot", files, within=run.path, advice=advice)
    if failed:
        path, error = next(iter(failed.items()))
        raise type(error)(f"{len(failed)} of {len(runs)} seeds failed; {path}: {error}")


def _set_up(settings: "Settings") -> None:
    from lecun89 import devices

    if settings.engine != "native":  # which needs no PyTorch
        devices.set_up(settings.device, settings.threads)


def _check_unchanged(run: "Run", sha256: dict[str, str], machine: dict[str, Any]) -> None:
    if run.data_sha256 != sha256:
        of_digits = all(run.data_sha256.get(split) == sha256[split] for split in ("train", "test"))
        what = "another teacher's labels" if of_digits else "other digits"
        raise FileFormatError(
            f"{run.path} was started on {what} than {run.settings.data} holds now: start a new run"
        )
    # The native engine's bits depend on little; PyTorch's may on all there is.
    native = {"lecun89", "instruction_set", "compiler"}
    decisive = native if run.settings.engine == "native" else set(machine)
    for name, value in machine.items():
        if name in decisive and run.machine.get(name) != value:
            options.note(
                f"warning: the run was started with {name} {run.machine.get(name)}, this is "
                f"{value}; its bits may come out otherwise"
            )


def _how_to_go_on(runs: "list[Run]", given: dict[str, Any]) -> str:
    words = ["lecun89", "train"]
    for run in runs:  # those at their ends, too, for their part in the closing table
        words += ["--resume", str(run.path)]
    if given["workers"] != "auto" and "LECUN89_WORKERS" not in os.environ:
        words += ["--workers", given["workers"]]
    if given["data_dir"] is not None and "LECUN89_DATA_DIR" not in os.environ:
        words += ["--data-dir", str(given["data_dir"])]
    return f"go on with: {shlex.join(words)}"


def _print_header(
    plans: "list[tuple[Settings, dict[str, str]]]", workers: int, *, quiet: bool, verbose: bool
) -> None:
    settings, origins = plans[0]
    reasons = {name: origins[name].removeprefix("chosen: ") for name in ("device", "engine")}
    which = f"seed {settings.seed}"
    if len(plans) > 1:
        which = f"{len(plans)} seeds, {workers} at a time"
    options.note(
        f"{settings.variant} on {settings.data}: {settings.passes:,} x "
        f"{settings.steps_per_pass:,} steps, {which}; {settings.device} "
        f"({reasons['device']}), {settings.engine} engine ({reasons['engine']})",
        quiet=quiet,
    )
    if verbose:
        for name, value in settings.as_document().items():
            options.note(f"  {name.replace('_', ' ')}: {value} ({origins[name]})")


def _document(run: "Run", results: "list[PassResult]") -> dict[str, Any]:
    scores = {"test": results[-1].test, "train": results[-1].train}
    seconds = sum(result.seconds for result in results)
    settings = run.settings
    return options.result_document(str(run.path), settings.variant, settings.data, seconds, scores)


def _print_result(run: "Run", *, quiet: bool, json: bool) -> None:
    results = run.read_metrics()
    if json:
        options.print_json(_document(run, results))
        return
    if quiet:
        from lecun89.render.lines import eval_line

        print(eval_line("train", results[-1].train))
        print(eval_line("test", results[-1].test))
    else:
        from lecun89.render.tables import closing_table

        options.print_table(closing_table(run.settings, results))
    options.print_line(run.path)


def _print_seeds(runs: "list[Run]", seconds: float, *, quiet: bool, json: bool) -> None:
    from lecun89.analysis.statistics import summarise

    results = [run.read_metrics() for run in runs]
    last = [of_run[-1] for of_run in results]
    if json:
        summary = {
            split: vars(summarise([getattr(result, split).error_percent for result in last]))
            for split in ("test", "train")
        }
        options.print_json(
            {
                "wall_seconds": seconds,
                "runs": [
                    {"seed": run.settings.seed, **_document(run, of_run)}
                    for run, of_run in zip(runs, results, strict=True)
                ],
                "error_percent": summary,
            }
        )
        return
    from lecun89.render.lines import seeds_line
    from lecun89.render.tables import seeds_table

    if quiet:
        print(seeds_line("test", [result.test for result in last]))
    else:
        options.print_table(seeds_table([run.settings for run in runs], last, seconds))
    for run in runs:
        options.print_line(run.path)


def _print_plan(
    settings: "Settings",
    origins: dict[str, str],
    splits: dict[str, "Digits"],
    seeds: int,
    workers: int,
    *,
    json: bool,
) -> None:
    from lecun89.engines import make_engine
    from lecun89.render.lines import duration, microseconds
    from lecun89.render.tables import plain_table
    from lecun89.training.estimate import estimate

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
                "seeds": seeds,
                "workers": workers,
                "steps": steps,
                "estimate": vars(result),
            }
        )
        return
    rows = [(name.replace("_", " "), str(value), origins[name]) for name, value in values.items()]
    options.print_table(plain_table(["", "value", "from"], rows))
    print(
        f"{steps:,} steps; about {duration(result.seconds)}: "
        f"{microseconds(result.seconds_per_step)} a step over {result.measured_steps:,} steps, "
        f"{duration(result.seconds_per_evaluation)} an evaluation"
    )
    if seeds > 1:
        turns = -(-seeds // workers)
        print(
            f"{seeds} seeds, {workers} at a time: about {duration(turns * result.seconds)} in all"
        )
