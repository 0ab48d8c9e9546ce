"""What Tab completes: names of variants, data, engines, devices and splits, runs and files."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from lecun89.exceptions import Lecun89Error, UsageError, one_line, shortened

_FLAGS = ("--install-completion", "--show-completion")
_OF_WEIGHTS = (".safetensors", ".pt", ".pth")
_OF_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm")
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def variants() -> list[tuple[str, str]]:
    """Each variant and what it is."""
    from lecun89.variants import VARIANTS

    return [(name, variant.change) for name, variant in VARIANTS.items()]


def data() -> list[str]:
    """Names of data."""
    from lecun89.data import DATA

    return list(DATA)


def engines() -> list[tuple[str, str]]:
    """Each engine and what it is."""
    from lecun89.engines import ENGINES

    kinds = [(name, kind.description) for name, kind in ENGINES.items()]
    return [("auto", "the fastest that can train the variant"), *kinds]


def devices() -> list[str]:
    """Names of devices; which of them are there, PyTorch alone can tell."""
    from lecun89.devices import KINDS

    return ["auto", *KINDS]


def splits() -> list[str]:
    """Names of splits."""
    from lecun89.data import SPLITS

    return list(SPLITS)


def splits_or_all() -> list[str]:
    """Names of splits, and of all."""
    return [*splits(), "all"]


def formats() -> list[str]:
    """Names of formats of `export`, whose own table needs PyTorch."""
    return ["safetensors", "torch", "onnx"]


def runs(context: typer.Context) -> list[str]:
    """Runs, the newest first."""
    return [path.name for path in _paths_of_runs(context)]


def resumable(context: typer.Context) -> list[str]:
    """Runs, the newest first; in place of those of several seeds, the directory of them all."""
    from lecun89.sweeps import is_seeds

    whole = [(path, path.parent.parent) for path in _paths_of_runs(context)]
    names = [directory.name if is_seeds(directory) else path.name for path, directory in whole]
    return list(dict.fromkeys(names))


def networks(context: typer.Context, incomplete: str) -> list[str]:
    """Runs, the newest first, published weights, and files."""
    from lecun89.network.published import published_data

    return [*runs(context), *published_data(), *_files(incomplete, _OF_WEIGHTS)]


def pictures(incomplete: str) -> list[str]:
    """Files of pictures, by the endings that are common."""
    return _files(incomplete, _OF_PICTURES)


def _paths_of_runs(context: typer.Context) -> list[Path]:
    from lecun89.training.runs import list_runs

    with suppress(OSError):
        return list_runs(context.params.get("runs_dir") or Path("runs"))[::-1]
    return []


def _files(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    """Directories, and files with one of these endings, that begin like that."""
    before = incomplete[: incomplete.rfind("/") + 1]
    with suppress(OSError):
        return [
            f"{before}{path.name}{'/' if path.is_dir() else ''}"
            for path in sorted(Path(before or ".").iterdir())
            if path.suffix.lower() in endings or path.is_dir()
            if path.name[0] != "." or incomplete[len(before) :].startswith(".")
        ]
    return []


@contextmanager
def installing(args: Iterable[str]) -> Iterator[None]:
    """Within the block, Typer installs or shows completion where these arguments ask for it.

    Raises:
        UsageError: it has none for the shell that this runs in.
        Lecun89Error: a file of the shell cannot be read.
    """
    flags = set(itertools.takewhile(lambda arg: arg.startswith("-"), args))
    if flags.isdisjoint(_FLAGS):
        yield
        return
    import subprocess

    import shellingham

    try:
        shell = shellingham.detect_shell()[0]
    except shellingham.ShellDetectionFailure:
        shell = "of an unknown name"
    if shell not in _SHELLS:
        raise UsageError(
            f"there is no completion for the shell {shortened(shell)}: ask in bash, zsh, fish or "
            "PowerShell, or print a script with `_LECUN89_COMPLETE=source_bash lecun89`"
        )
    try:
        yield
    except (UnicodeError, subprocess.SubprocessError) as error:
        raise Lecun89Error(
            f"cannot install completion for {shell}: {one_line(error)}; "
            "`lecun89 --show-completion` prints the script to install"
        ) from error
