"""``lecun89 train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecun89.cli import options
from lecun89.exceptions import UsageError

if TYPE_CHECKING:
    from lecun89.data import Digits
    from lecun89.devices import DeviceChoice
    from lecun89.engines import EngineChoice
    from lecun89.runs import Run
    from lecun89.settings import Origin, Settings
    from lecun89.training import PassResult


def train(
    context: typer.Context,
    variant: options.Variant = "base",
    data: options.Data = "1989",
    device: options.Device = "auto",
    engine: Annotated[
        str,
        typer.Option(
            "--engine", envvar="LECUN89_ENGINE", metavar="NAME", help="auto, or eager (PyTorch)."
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
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Train a network, digit by digit as in 1989 or in batches, and evaluate every pass.

    Ctrl-C stops it after a whole step, saved; --resume goes on to the very same result.
    """
    from lecun89 import devices, engines
    from lecun89.settings import Settings, parse_batch_size
    from lecun89.variants import get_variant

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if not checkpoint_seconds > 0:
        raise UsageError(f"--checkpoint-seconds {checkpoint_seconds} is out of range: above 0")
    directory = options.data_dir(data_dir)
    from_variant = get_variant(variant)
    asked = Settings(
        variant=variant,
        data=data,
        seed=seed,
        passes=_variant_passes(from_variant.passes, data) if passes is None else passes,
        lr=from_variant.lr if lr is None else lr,
        batch_size=parse_batch_size(batch_size),
        device=device,
        engine=engine,
        threads=threads,
    )
    devices.check_threads(threads)
    if resume is not None:
        if dry_run:
            raise UsageError("--dry-run and --resume contradict each other: give one of them")
        run = _open(context, asked, resume, runs_dir)
        settings, origins = run.settings, run.origins
        device_choice = devices.choose(settings.device, batched=settings.batched)
        engine_choice = engines.choose(settings.engine)
    else:
        device_choice = devices.choose(device, batched=asked.batched)
        engine_choice = engines.choose(engine)
        settings, origins = _resolve(context, asked, device_choice, engine_choice)
    devices.set_up(settings.device, settings.threads)
    splits = _load(settings.data, directory)

    if dry_run:
        _print_plan(settings, origins, splits, json=json)
        return
    sha256 = {split: digits.sha256 for split, digits in splits.items()}
    if resume is None:
        from lecun89 import recording
        from lecun89.runs import create_run

        fresh = engines.make_engine(settings, splits)
        run = create_run(runs_dir, settings, origins, sha256, devices.describe_machine())
        recording.start(run, fresh)
    else:
        _check_unchanged(run, sha256)
    options.note(
        f"{settings.variant} on {settings.data}: {settings.passes:,} x "
        f"{settings.steps_per_pass:,} steps, seed {settings.seed}; {settings.device} "
        f"({device_choice.reason}), {settings.engine} engine ({engine_choice.reason})",
        quiet=quiet,
    )
    results = _train(run, splits, checkpoint_seconds, tensorboard, quiet=quiet, json=json)
    _print_result(run, results, quiet=quiet, json=json)


def _variant_passes(passes: dict[str, int], data: str) -> int:
    from lecun89.data import get_data

    return passes[get_data(data).name]


def _resolve(
    context: typer.Context, asked: "Settings", device: "DeviceChoice", engine: "EngineChoice"
) -> tuple["Settings", "dict[str, Origin]"]:
    from dataclasses import replace

    origins = {name: _origin(context, name) for name in asked.as_document()}
    if asked.device == "auto":
        origins["device"] = "chosen"
    if asked.engine == "auto":
        origins["engine"] = "chosen"
    return replace(asked, device=device.device, engine=engine.engine), origins


def _origin(context: typer.Context, name: str) -> "Origin":
    source = context.get_parameter_source(name)
    if source is not None and source.name == "COMMANDLINE":
        return "flag"
    if source is not None and source.name == "ENVIRONMENT":
        return "environment"
    return "variant" if name in ("passes", "lr") else "default"


def _open(context: typer.Context, asked: "Settings", resume: str, runs_dir: Path) -> "Run":
    """The run to go on with; its configuration is not up for change."""
    from lecun89.runs import find_run, open_run

    run = open_run(find_run(resume, runs_dir))
    kept = run.settings.as_document()
    for name, value in asked.as_document().items():
        if _origin(context, name) != "flag" or value in ("auto", kept[name]):
            continue
        if (value, kept[name]) == ("cuda", "cuda:0"):
            continue
        flag = f"--{name.replace('_', '-')}"
        raise UsageError(
            f"{flag} {value} conflicts with {run.path}, which has {kept[name]}: "
            f"leave {flag} out, or start a new run"
        )
    return run


def _load(data: str, directory: Path) -> dict[str, "Digits"]:
    from lecun89.data import load

    return {split: load(data, split, directory) for split in ("train", "test")}


def _check_unchanged(run: "Run", sha256: dict[str, str]) -> None:
    from lecun89.exceptions import FileFormatError

    if run.data_sha256 != sha256:
        raise FileFormatError(
            f"{run.path} was started on other digits than {run.settings.data} holds now: "
            "start a new run"
        )


def _train(
    run: "Run",
    splits: dict[str, "Digits"],
    checkpoint_seconds: float,
    tensorboard: bool,
    *,
    quiet: bool,
    json: bool,
) -> list["PassResult"]:
    from contextlib import ExitStack

    from lecun89 import recording
    from lecun89.cli.signals import stop_signals
    from lecun89.engines import make_engine
    from lecun89.render.progress import TrainingDisplay

    with ExitStack() as stack:
        stop_signal = stack.enter_context(stop_signals())
        writers = []
        if tensorboard:
            from lecun89.events import event_writer

            write, writer = event_writer(run.path / "tensorboard", run.load_state()[1].passes + 1)
            stack.callback(writer.close)
            writers.append(write)
        display = stack.enter_context(
            TrainingDisplay(run.settings, quiet=quiet, lines_to_stderr=json)
        )
        for result in recording.train(
            run,
            make_engine(run.settings, splits),
            checkpoint_seconds=checkpoint_seconds,
            stop_signal=stop_signal,
            on_progress=display.show_progress,
        ):
            display.show_pass(result)
            for write in writers:
                write(result)
    return run.read_metrics()


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

        options.print_table(closing_table(run.settings, last))
    print(run.path)


def _print_plan(
    settings: "Settings", origins: "dict[str, Origin]", splits: dict[str, "Digits"], *, json: bool
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
