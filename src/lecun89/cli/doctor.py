"""``lecun89 doctor``."""

import importlib

from lecun89.cli import options


def doctor(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """Tell what works on this machine and why not: devices, engines, data, packages."""
    from lecun89.data import DATA, prepared_state
    from lecun89.devices import describe_machine, list_devices
    from lecun89.engines import ENGINES

    directory = options.data_dir(data_dir)
    machine = describe_machine()
    devices = list_devices()
    data = {name: prepared_state(name, directory) for name in DATA}
    packages = {name: _state_of(name) for name in ("torchvision", "tensorboard")}
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

    rows = [("machine", name, str(value)) for name, value in machine.items()]
    rows += [
        ("device", device.name, ("" if device.available else "no: ") + device.detail)
        for device in devices
    ]
    rows += [("engine", name, what) for name, what in ENGINES.items()]
    rows += [("data", name, f"{state} in {directory}") for name, state in data.items()]
    rows += [("package", name, state) for name, state in packages.items()]
    options.print_table(plain_table(["", "", ""], rows))


def _state_of(package: str) -> str:
    try:
        module = importlib.import_module(package)
    except Exception as error:  # a broken package raises more than ImportError
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        reason = "not installed" if missing else f"broken: {' '.join(str(error).split())}"
        needed = {"torchvision": "prepare --source download", "tensorboard": "train --tensorboard"}
        return f"{reason} (only `{needed[package]}` needs it)"
    return str(getattr(module, "__version__", "installed"))
