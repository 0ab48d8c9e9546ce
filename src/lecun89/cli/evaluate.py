"""``lecun89 eval``."""

import time
from pathlib import Path
from typing import Annotated

import typer

from lecun89.cli import options
from lecun89.exceptions import unknown_name


def evaluate(
    run: options.RunArgument = None,
    variant: Annotated[
        str | None,
        typer.Option(
            "--variant",
            metavar="NAME",
            help="The network an upstream model.pt belongs to.",
            show_default="what the run or file says",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            envvar="LECUN89_DATA",
            metavar="NAME",
            help="1989 or full.",
            show_default="what it was trained on",
        ),
    ] = None,
    split: options.Split = "test",
    device: options.Device = "auto",
    threads: options.Threads = 1,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Count the misses of a trained network, with the error's 95% interval."""
    from lecun89 import devices
    from lecun89.data import SPLITS, get_data, load
    from lecun89.render.lines import eval_line, interval
    from lecun89.runs import find_run, open_run
    from lecun89.weights import load_weights

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if split not in (*SPLITS, "all"):
        raise unknown_name("split", split, (*SPLITS, "all"))
    if data is not None:
        get_data(data)
    devices.check_name(device)
    devices.check_threads(threads)
    found = find_run(run, runs_dir)
    path = open_run(found).weights_path() if found.is_dir() else found
    weights = load_weights(path, variant)
    chosen = devices.choose(device, batched=True)
    devices.set_up(chosen.device, threads)
    data = data or weights.data or "1989"
    if weights.data == data and weights.data_sha256 != get_data(data).sha256["train"]:
        options.note(f"warning: {found} was trained on other digits than {data} holds now")
    directory = options.data_dir(data_dir)
    digits = {
        name: load(data, name, directory) for name in (SPLITS if split == "all" else (split,))
    }
    from lecun89.evaluation import outputs_of, score_outputs

    began = time.perf_counter()
    scores = {
        name: score_outputs(outputs_of(weights, of, chosen.device), of, weights.variant)
        for name, of in digits.items()
    }
    seconds = time.perf_counter() - began
    if json:
        options.print_json(
            options.result_document(str(found), weights.variant, data, seconds, scores)
        )
        return
    options.note(
        f"{found}: {weights.variant} on {data}, {chosen.device} ({chosen.reason})",
        quiet=quiet,
    )
    for name, score in scores.items():
        print(eval_line(name, score))
        if not quiet:
            print(f"      95% interval of the error: {interval(score)}% of {score.total:,} digits")
