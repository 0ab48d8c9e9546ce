"""``lecun89 doctor``."""

import importlib
import os
import sys
from contextlib import suppress
from pathlib import Path

from lecun89.cli import options
from lecun89.exceptions import MissingExtraError, one_line

_NEEDED_BY = {
    "torchvision": "prepare --source download",
    "matplotlib": "plot",
    "skimage": "read",
    "tensorboard": "train --tensorboard",
    "onnx": "export --format onnx",
    "onnxscript": "export --format onnx",
}
_FAILING = {
    "device": "no device",
    "engine": "no engine",
    "data": "damaged",
    "directory": "no directory",
    "package": "no package",
}


def doctor(
    data_dir: options.DataDir = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Tell what works on this machine and why not: devices, engines, data, packages.

    With -q only what does not work; with -v the interpreter and the environment, too.
    """
    from lecun89.data import (
        DAMAGED,
        DATA,
        NOWHERE,
        default_data_dir,
        prepared_state,
        why_not_kept,
    )
    from lecun89.devices import describe_machine, list_devices, why_no_torch
    from lecun89.engines import list_engines
    from lecun89.render.tables import plain_table

    options.set_up_logging(quiet=quiet, verbose=verbose)
    directory = default_data_dir() if data_dir is None else data_dir
    kept = directory != NOWHERE
    problem = why_not_kept(directory)
    machine = describe_machine("cpu", torch_used=why_no_torch() is None)
    devices = list_devices()
    engines = list_engines()
    data = {name: prepared_state(name, directory) for name in DATA}
    packages = {name: _state_of(name) for name in _NEEDED_BY}
    if json:
        options.print_json(
            {
                "machine": machine,
                "devices": [vars(device) for device in devices],
                "engines": [vars(engine) for engine in engines],
                "data": {"directory": str(directory) if kept else None, "sets": data}
                | ({} if problem is None else {"problem": problem}),
                "packages": {name: state for name, (_, state) in packages.items()},
            }
        )
        return
    rows = [(True, "machine", name, str(value)) for name, value in machine.items()]
    rows += [(one.available, "device", one.name, one.detail) for one in devices]
    rows += [(one.available, "engine", one.name, one.detail) for one in engines]
    rows += [
        (state != DAMAGED, "data", name, f"{state} in {directory}" if kept else state)
        for name, state in data.items()
    ]
    if problem is not None:
        rows.append((False, "directory", "of data", _without_place(problem, data_dir)))
    rows += [(found, "package", name, state) for name, (found, state) in packages.items()]
    works = [(kind, name, detail) for working, kind, name, detail in rows if working]
    fails = [(_FAILING[kind], name, detail) for working, kind, name, detail in rows if not working]
    if verbose:
        works += _environment()
    options.print_table(plain_table(["", "", ""], fails if quiet else works + fails))


def _without_place(problem: str, data_dir: Path | None) -> str:
    if data_dir is not None:
        return problem
    return f"{problem}; digits are prepared in a temporary directory, or name one with --data-dir"


def _environment() -> list[tuple[str, str, str]]:
    prefixes = ("LECUN89_", "CUDA_", "OMP_", "PYTORCH_")
    return [
        ("python", "executable", sys.executable),
        *(
            ("environment", name, value)
            for name, value in sorted(os.environ.items())
            if name.startswith(prefixes)
        ),
    ]


def _state_of(package: str) -> tuple[bool, str]:
    """Whether a package can be imported, and its version or why not."""
    from lecun89.render.figures import require_matplotlib

    try:
        if package == "matplotlib":
            with suppress(MissingExtraError):  # which import_module explains
                require_matplotlib()
        module = importlib.import_module(package)
    except Exception as error:  # a broken package raises more than ImportError
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        reason = "not installed" if missing else f"broken: {one_line(error)}"
        return False, f"{reason} (only `{_NEEDED_BY[package]}` needs it)"
    return True, str(getattr(module, "__version__", "installed"))
