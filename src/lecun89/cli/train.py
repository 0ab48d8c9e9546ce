"""``lecun89 train``."""

import os
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lecun89.cli import options, resolve
from lecun89.exceptions import InterruptedRunError, Lecun89Error, UsageError

if TYPE_CHECKING:
    from lecun89.settings import Settings
    from lecun89.sweeps import Finished, Sweep, Workers
    from lecun89.training.loop import PassResult
    from lecun89.training.runs import Run


def train(
    context: typer.Context,
    variant: options.Variant = "base",
    assume: options.Assume = None,
    data: options.Data = "1989",
    device: options.Device = "auto",
    engine: options.Engine = "auto",
    batch_size: options.BatchSize = None,
    passes: options.Passes = None,
    lr: options.LearningRate = None,
    seed: options.Seed = 1337,
    seeds: options.Seeds = None,
    workers: options.Workers = "auto",
    threads: options.Threads = "auto",
    runs_dir: options.RunsDir = Path("runs"),
    resume: options.Resume = None,
    checkpoint_seconds: options.CheckpointSeconds = 60.0,
    dry_run: options.DryRun = False,
    tensorboard: options.TensorBoard = False,
    plot: options.PlotCurves = False,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a network, digit by digit as in 1989 or in batches, and evaluate every pass.

    Ctrl-C finishes the step, saves, and prints the command that resumes to an identical result.
    """
    from lecun89.cli.signals import stop_signals
    from lecun89.parsing import parse_seeds
    from lecun89.sweeps import Sweep, Workers, change_seeds, create_seeds

    options.set_up_logging(quiet=quiet, verbose=verbose)
    _check(context.params)
    if resume:
        begun, settings = resolve.resumed(context, resume, runs_dir)
    else:
        begun, settings = None, resolve.new_settings(context)
    numbers = parse_seeds(seeds) if seeds is not None else [settings.seed]
    where = Workers.parse(workers)
    if dry_run:
        _print_plan(settings, numbers, where, data_dir, json=json)
        return
    with stop_signals() as stop_signal:  # from here on there is something to save
        if begun is None and seeds is not None:
            begun = create_seeds(runs_dir, settings, numbers)
        elif isinstance(begun, Sweep):
            begun = change_seeds(begun, settings)
        watching = {"checkpoint_seconds": checkpoint_seconds, "stop_signal": stop_signal}
        if isinstance(begun, Sweep):
            _train_seeds(begun, where, watching, context.params)
        else:
            _train_one(settings, begun, watching, context.params)


def _check(given: dict[str, Any]) -> None:
    """Refuse flags that cannot be, before any work is done."""
    if not given["checkpoint_seconds"] > 0:
        raise UsageError(
            f"--checkpoint-seconds {given['checkpoint_seconds']} is out of range: above 0"
        )
    wrong = {"dry-run": given["dry_run"], "seeds": given["seeds"] is not None}
    for name, is_given in (wrong | {"assume": bool(given["assume"])}).items():
        if given["resume"] and is_given:
            raise UsageError(f"--{name} and --resume cannot be combined")
    if given["tensorboard"]:
        from lecun89.training.tensorboard import summary_writer

        summary_writer()
    if given["plot"]:
        from lecun89.render.figures import require_matplotlib

        require_matplotlib()


def _train_one(
    settings: "Settings", run: "Run | None", watching: dict[str, Any], given: dict[str, Any]
) -> None:
    from lecun89.render.lines import header_line
    from lecun89.render.progress import TrainingDisplay
    from lecun89.settings import threads_of
    from lecun89.training import session, tensorboard

    quiet, json = given["quiet"], given["json"]
    digits = session.load_splits(settings, options.data_dir(given["data_dir"], settings.data))
    header = header_line(settings, f"seed {settings.seed}", threads_of(settings))
    options.note(header, quiet=quiet)
    _note_origins(settings, verbose=given["verbose"])
    if run is None:
        training = session.begin(settings, digits, given["runs_dir"])
    else:
        training = session.resume(run, digits, settings)
    path = training.run.path
    if len(training.results) == settings.passes:
        _note_finished(path, settings, quiet=quiet)
    with (
        _resumable(path, given),
        tensorboard.writing(path, len(training.results), wanted=given["tensorboard"]) as write,
        TrainingDisplay(settings, quiet=quiet, lines_to_stderr=json) as display,
    ):
        for result in training.train(on_progress=display.show_progress, **watching):
            write(result)
            display.show_pass(result)
    _print_result(training.run, training.results, quiet=quiet, json=json)
    _plot([(training.run, training.results)], wanted=given["plot"])


def _train_seeds(
    sweep: "Sweep", where: "Workers", watching: dict[str, Any], given: dict[str, Any]
) -> None:
    from lecun89 import sweeps
    from lecun89.render.lines import counted, header_line
    from lecun89.render.progress import CellsDisplay
    from lecun89.settings import threads_of
    from lecun89.training.tensorboard import write_all

    began, quiet, settings = time.perf_counter(), given["quiet"], sweep.settings
    seeds = f"{counted(len(sweep.cells), 'seed')}, {where.at_a_time(sweep.cells)} at a time"
    threads = threads_of(settings, where.threads_each(sweep.cells))
    options.note(header_line(settings, seeds, threads), quiet=quiet)
    _note_origins(settings, verbose=given["verbose"])
    if not sweep.left:
        _note_finished(sweep.directory, settings, quiet=quiet)
    directory = options.data_dir(given["data_dir"], settings.data)
    with _resumable(sweep.directory, given), CellsDisplay(sweep, quiet=quiet) as display:

        def on_cell(cell: "Settings", outcome: "Finished | str") -> None:
            display.show_cell(cell, outcome)
            if given["tensorboard"] and not isinstance(outcome, str):
                write_all(outcome.run.path, outcome.results)

        result = sweeps.train(
            sweep,
            where,
            directory,
            on_cell=on_cell,
            on_progress=display.show_progress,
            **watching,
        )
    ended = [result.finished[cell] for cell in sweep.cells if cell in result.finished]
    if ended:
        seconds = time.perf_counter() - began
        _print_seeds(sweep.directory, ended, seconds, quiet=quiet, json=given["json"])
        _plot([(one.run, one.results) for one in ended], wanted=given["plot"])
    sweeps.refuse_failed(result, "seeds")


@contextmanager
def _resumable(path: Path, given: dict[str, Any]) -> Iterator[None]:
    """Within the block, what ends a training is told with the command that resumes it."""
    words = ["lecun89", "train", "--resume", str(path)]
    if given["workers"] != "auto" and "LECUN89_WORKERS" not in os.environ:
        words += ["--workers", given["workers"]]
    if given["data_dir"] is not None and "LECUN89_DATA_DIR" not in os.environ:
        words += ["--data-dir", str(given["data_dir"])]
    advice = f"resume with: {shlex.join(words)}"
    try:
        yield
    except InterruptedRunError as error:
        raise InterruptedRunError(error.signum, f"{error}; {advice}") from None
    except BrokenPipeError:
        # Whoever read the lines has gone, as head does; what is trained is saved.
        options.discard_stdout()
        raise InterruptedRunError(
            getattr(signal, "SIGPIPE", signal.SIGTERM), f"stdout was closed; {advice}"
        ) from None
    except OSError as error:
        if error.filename is None:
            options.discard_stdout()
        reason = f"{error.filename or 'stdout'}: {error.strerror or error}"
        raise Lecun89Error(f"{reason}; {advice}") from error


def _note_finished(path: Path, settings: "Settings", *, quiet: bool) -> None:
    words = f"{path} is finished: {settings.passes:,} of {settings.passes:,} passes are done"
    if settings.trained.constant_rate:
        words += "; extend it with --passes N"
    options.note(words, quiet=quiet)


def _note_origins(settings: "Settings", *, verbose: bool) -> None:
    for name, entry in settings.as_record().items() if verbose else ():
        options.note(f"  {name.replace('_', ' ')}: {entry['value']} ({entry['origin']})")


def _plot(runs: "Sequence[tuple[Run, list[PassResult]]]", *, wanted: bool) -> None:
    if not wanted:
        return
    from lecun89.render.plotfiles import curve_files
    from lecun89.storage.outputdir import write_files

    advice = "draw the curves elsewhere with `lecun89 plot --out DIR`"
    for run, results in runs:
        files = curve_files([(run.path, run.settings, results)])
        write_files(run.path / "plots", "plot", files, within=run.path, advice=advice)


def _document(run: "Run", results: "list[PassResult]") -> dict[str, Any]:
    scores = {"test": results[-1].test, "train": results[-1].train}
    seconds = sum(result.seconds for result in results)
    settings = run.settings
    return options.result_document(str(run.path), settings.variant, settings.data, seconds, scores)


def _print_result(run: "Run", results: "list[PassResult]", *, quiet: bool, json: bool) -> None:
    if json:
        options.print_json(_document(run, results))
        return
    if quiet:
        from lecun89.render.lines import eval_line

        options.print_words(eval_line("train", results[-1].train))
        options.print_words(eval_line("test", results[-1].test))
    else:
        from lecun89.render.tables import closing_table

        options.print_table(closing_table(run.settings, results))
    options.print_line(run.path)


def _print_seeds(
    directory: Path, ended: "list[Finished]", seconds: float, *, quiet: bool, json: bool
) -> None:
    from lecun89.analysis.statistics import summarise
    from lecun89.render.lines import seeds_line
    from lecun89.render.tables import seeds_table

    last = [one.results[-1] for one in ended]
    if json:
        errors = {
            split: vars(summarise([getattr(result, split).error_percent for result in last]))
            for split in ("test", "train")
        }
        runs = [{"seed": one.run.settings.seed, **_document(one.run, one.results)} for one in ended]
        document = {"directory": str(directory), "wall_seconds": seconds}
        options.print_json({**document, "runs": runs, "error_percent": errors})
        return
    if quiet:
        options.print_words(seeds_line("test", [result.test for result in last]))
    else:
        options.print_table(seeds_table([one.run.settings for one in ended], last, seconds))
    options.print_line(directory)


def _print_plan(
    settings: "Settings",
    seeds: list[int],
    where: "Workers",
    data_dir: Path | None,
    *,
    json: bool,
) -> None:
    from dataclasses import replace

    from lecun89.render.lines import plan_lines, threads_in_words
    from lecun89.render.tables import plain_table
    from lecun89.settings import threads_of
    from lecun89.training.estimate import estimate
    from lecun89.training.session import load_splits

    digits = load_splits(settings, options.data_dir(data_dir, settings.data))
    cells = [replace(settings, seed=seed) for seed in seeds]
    at_a_time, most = where.at_a_time(cells), where.threads_each(cells)
    result = estimate(settings, digits, most)
    threads = threads_of(settings, most)
    steps = settings.passes * settings.steps_per_pass
    record = settings.as_record()
    if json:
        plan = {"settings": record, "seeds": len(seeds), "workers": at_a_time, "steps": steps}
        options.print_json({**plan, "threads": threads, "estimate": vars(result)})
        return
    rows = [
        (name.replace("_", " "), str(entry["value"]), entry["origin"])
        for name, entry in record.items()
    ]
    options.print_table(plain_table(["", "value", "from"], rows))
    for line in plan_lines(result, steps, len(seeds), at_a_time):
        options.print_words(line)
    options.print_words(threads_in_words(settings, threads))
