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
    from lecun89.devices import describe_machine, list_devices
    from lecun89.engines import ENGINES

    options.set_up_logging(quiet=quiet, verbose=verbose)
    directory = options.data_dir(data_dir)
    machine = describe_machine("cpu")
    devices = list_devices()
    data = {name: prepared_state(name, directory) for name in DATA}
    packages = {name: _state_of(name) for name in _NEEDED_BY}
    if json:
        options.print_json(
            {
                "machine": machine,
                "devices": [vars(device) for device in devices],
                "engines": ENGINES,
                "data": {"directory": str(directory), "sets": data},
                "packages": packages,
            }
        )
        return
    from lecun89.render.tables import plain_table

    works = [("machine", name, str(value)) for name, value in machine.items()]
    works += [("device", device.name, device.detail) for device in devices if device.available]
    works += [("engine", name, what) for name, what in ENGINES.items()]
    works += [
        ("data", name, f"{state} in {directory}")
        for name, state in data.items()
        if state != DAMAGED
    ]
    works += [("package", name, state) for name, state in packages.items() if "(" not in state]
    fails = [
        ("no device", device.name, device.detail) for device in devices if not device.available
    ]
    fails += [
        ("damaged", name, f"{state} in {directory}")
        for name, state in data.items()
        if state == DAMAGED
    ]
    fails += [("no package", name, state) for name, state in packages.items() if "(" in state]
    if verbose:
        works += [("python", "executable", sys.executable)]
        works += [
            ("environment", name, value)
            for name, value in sorted(os.environ.items())
            if name.startswith(("LECUN89_", "CUDA_", "OMP_", "PYTORCH_"))
        ]
    options.print_table(plain_table(["", "", ""], fails if quiet else works + fails))


def _state_of(package: str) -> str:
    try:
        module = importlib.import_module(package)
    except Exception as error:  # a broken package raises more than ImportError
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        reason = "not installed" if missing else f"broken: {one_line(error)}"
        return f"{reason} (only `{_NEEDED_BY[package]}` needs it)"
    return str(getattr(module, "__version__", "installed"))
