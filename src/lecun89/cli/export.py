"""``lecun89 export``."""

from pathlib import Path
from typing import Annotated

import typer

from lecun89.cli import completion, options, targets
from lecun89.exceptions import unknown_name


def export(
    run: options.RunArgument = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            autocompletion=completion.formats,
            metavar="NAME",
            help="safetensors, torch or onnx.",
            show_default="by the ending of --out, or safetensors",
        ),
    ] = None,
    out: Annotated[Path | None, options.out("VARIANT.ENDING here", "FILE", "The file.")] = None,
    force: options.ReplaceFile = False,
    variant: options.OtherVariant = None,
    data: options.OtherData = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Write a trained network for other programs: safetensors, a torch state dict, or ONNX.

    ONNX (extra onnx) takes `images` (n, 1, 16, 16) in [-1, 1] and gives `outputs` (n, 10).
    """
    from lecun89.devices import require_torch

    require_torch()
    from lecun89.export import FORMATS, format_of
    from lecun89.export import export as write
    from lecun89.storage.files import is_stdout
    from lecun89.training.trained import open_trained

    options.set_up_logging(quiet=quiet, verbose=verbose)
    if format_name is None:
        format_name = format_of(out or Path())
    if format_name not in FORMATS:
        raise unknown_name("format", format_name, FORMATS)
    targets.check_names("test", data)
    target = open_trained(run, runs_dir, variant, data)
    path = out or Path(f"{target.weights.variant}{FORMATS[format_name][0]}")
    options.check_file("--out", path, force=force)
    options.check_stdout(path, json=json)
    write(target.weights, path, format_name)
    if json:
        document = {"run": str(target.path), "variant": target.weights.variant}
        options.print_json({**document, "format": format_name, "files": [str(path)]})
        return
    if not is_stdout(path):
        options.print_line(path)
