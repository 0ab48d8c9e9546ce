"""``lecun89 doctor``."""

import importlib
import os
import sys

from lecun89.cli import options
from lecun89.exceptions import one_line

_NEEDED_BY = {
    "torchvision": "prepare --source download",
    "matplotlib": "plot",
    "tensorboard": "train --tensorboard",
    "onnx": "export --format onnx",
    "onnxscript": "export --format onnx",
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
    from lecun89.data import DAMAGED, DATA, prepared_state
    from lecun89.devices import describe_machine, list_devices, why_no_torch
    from lecun89.engines import list_engines

    options.set_up_logging(quiet=quiet, verbose=verbose)
    directory = options.data_dir(data_dir)
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
                "data": {"directory": str(directory), "sets": data},
                "packages": {name: state for name, (_, state) in packages.items()},
            }
        )
        return
    from lecun89.render.tables import plain_table

    works = [("machine", name, str(value)) for name, value in machine.items()]
    fails = []
    for device in devices:
        row = (device.name, device.detail)
        if device.available:
            works.append(("device", *row))
        else:
            fails.append(("no device", *row))
    for engine in engines:
        row = (engine.name, engine.detail)
        if engine.available:
            works.append(("engine", *row))
        else:
            fails.append(("no engine", *row))
    for name, state in data.items():
        row = (name, f"{state} in {directory}")
        if state == DAMAGED:
            fails.append(("damaged", *row))
        else:
            works.append(("data", *row))
    for name, (found, state) in packages.items():
        row = (name, state)
        if found:
            works.append(("package", *row))
        else:
            fails.append(("no package", *row))
    if verbose:
        works += [("python", "executable", sys.executable)]
        works += [
            ("environment", name, value)
            for name, value in sorted(os.environ.items())
            if name.startswith(("LECUN89_", "CUDA_", "OMP_", "PYTORCH_"))
        ]
    options.print_table(plain_table(["", "", ""], fails if quiet else works + fails))


def _state_of(package: str) -> tuple[bool, str]:
    """Whether a package can be imported, and its version or why not."""
    try:
        module = importlib.import_module(package)
    except Exception as error:  # a broken package raises more than ImportError
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        reason = "not installed" if missing else f"broken: {one_line(error)}"
        return False, f"{reason} (only `{_NEEDED_BY[package]}` needs it)"
    return True, str(getattr(module, "__version__", "installed"))
