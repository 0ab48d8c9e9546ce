"""What is not ours is never replaced: files without --force, pipes, devices and sockets ever."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from lecun89.network.weights import load_weights
from tests.conftest import PATIENCE, Result, command

QUICK = ("--grid", "batch-size=full", "--grid", "passes=1", "--grid", "seeds=1", "-q")
PRECIOUS = "precious\n"


def special(kind: str, path: Path) -> None:
    """Something at the path that is no file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    else:  # a link, because only root can make a device
        path.symlink_to(os.devnull)


needs_pipes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@needs_pipes
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("errors.csv", ("errors", "record", "--force", "--out", ".")),
        ("errors.png", ("errors", "record", "--force", "--out", ".")),
        ("kernels.png", ("plot", "RUN", "--force", "--out", ".")),
        ("chart.png", ("ladder", "--force", "--plot", "chart.png")),
        ("table.csv", ("sweep", *QUICK, "--out", ".")),
    ],
)
def test_what_is_no_file_stays_even_with_force(
    cli: Callable[..., Result],
    base_run: tuple[Path, Result],
    kind: str,
    name: str,
    arguments: tuple[str, ...],
) -> None:
    special(kind, Path(name))
    before = Path(name).lstat()
    result = cli(*(base_run[0] if word == "RUN" else word for word in arguments))
    assert result.exit_code == 2
    assert f"{name} is a {kind}, which is not replaced" in result.error
    assert os.path.samestat(before, Path(name).lstat())


@needs_pipes
@pytest.mark.parametrize(
    "arguments", [("export", "record", "--out", "s"), ("bench", "--quick", "--save", "s")]
)
def test_a_socket_cannot_be_written_to(
    cli: Callable[..., Result], arguments: tuple[str, ...]
) -> None:
    special("socket", Path("s"))
    result = cli(*arguments, "--force")
    assert result.exit_code == 2
    assert "s is a socket" in result.error
    assert stat.S_ISSOCK(Path("s").stat().st_mode)


@needs_pipes
def test_a_pipe_is_written_to(process: Callable[..., Result]) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        result = process("export", "record", "--out", "pipe", "--force")
        content, _ = reader.communicate(timeout=PATIENCE)
    assert (result.exit_code, result.stdout) == (0, "pipe\n")
    assert load(content).keys() == load_weights_of_record().keys()
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


@needs_pipes
def test_stdout_is_written_to_and_nothing_else_is_printed() -> None:
    done = subprocess.run(
        command("export", "record", "--out", "/dev/stdout"),
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    found, expected = load(done.stdout), load_weights_of_record()
    assert all(np.array_equal(found[name], array) for name, array in expected.items())
    with Path("out").open("wb") as out:
        subprocess.run(
            command("export", "record", "--format", "torch", "--out", "/dev/stdout"),
            stdout=out,
            timeout=PATIENCE,
            check=True,
        )
    assert load_weights(Path("out"), "record").arrays.keys() == expected.keys()


@needs_pipes
def test_stdout_has_one_document(process: Callable[..., Result]) -> None:
    for arguments in (
        ("export", "record", "--out", "/dev/stdout", "--json"),
        ("bench", "--quick", "--save", "/dev/stdout", "--json"),
    ):
        result = process(*arguments)
        assert result.exit_code == 2
        assert "/dev/stdout cannot be combined" in result.error


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mine.pt", ("export", "record", "--out", "mine.pt")),
        ("mine.json", ("bench", "--quick", "--save", "mine.json")),
        ("mine.png", ("ladder", "--plot", "mine.png")),
        ("out/table.csv", ("sweep", *QUICK, "--out", "out")),
        (
            "out/table.csv",
            ("ladder", "--variants", "fast", "--seeds", "1", "-q", "--out", "out"),
        ),
        ("out/errors.csv", ("errors", "record", "--out", "out")),
        ("out/curves.png", ("plot", "RUN", "--out", "out")),
    ],
)
def test_a_file_of_the_users_stays(
    cli: Callable[..., Result],
    base_run: tuple[Path, Result],
    name: str,
    arguments: tuple[str, ...],
) -> None:
    Path("out").mkdir()
    Path(name).write_text(PRECIOUS)
    result = cli(*(base_run[0] if word == "RUN" else word for word in arguments))
    assert result.exit_code == 2
    assert Path(name).name in result.error
    assert Path(name).read_text() == PRECIOUS
    assert not list(Path("out").glob("runs/*"))


def test_a_sweep_goes_on_with_its_own_table(cli: Callable[..., Result]) -> None:
    assert cli("sweep", *QUICK).exit_code == 0
    assert cli("sweep", *QUICK[:-2], "seeds=1,2", "-q").exit_code == 0
    assert len(Path("sweep/table.csv").read_text().splitlines()) == 3


def test_errors_of_other_digits_have_a_directory_of_their_own(
    cli: Callable[..., Result], base_run: tuple[Path, Result]
) -> None:
    found = {}
    for data in ("1989", "full"):
        result = cli("errors", base_run[0], "--data", data, "--json")
        (table,) = (Path(name) for name in result.document["files"] if name.endswith(".csv"))
        heading, first, *_ = table.read_text().splitlines()
        assert heading.startswith("variant,data,split,index,")
        assert first.startswith(f"base,{data},test,")
        found[data] = table.parent.name
    assert found == {"1989": "errors-test", "full": "errors-full-test"}


def test_errors_of_other_digits_do_not_replace_those_in_a_named_directory(
    cli: Callable[..., Result], base_run: tuple[Path, Result]
) -> None:
    for _ in range(2):
        assert cli("errors", base_run[0], "--out", "out", "-q").exit_code == 0
    before = Path("out/errors.csv").read_text()
    for others in (("--data", "full"), ("--split", "train")):
        result = cli("errors", base_run[0], *others, "--out", "out")
        assert result.exit_code == 2
        assert "was not written for this" in result.error
    assert Path("out/errors.csv").read_text() == before
    assert cli("errors", base_run[0], "--data", "full", "--out", "out", "--force").exit_code == 0


def load_weights_of_record() -> dict[str, np.ndarray]:
    """The published weights of record."""
    from lecun89.network.published import find_published

    found = find_published("record", None)
    assert found is not None
    return load_weights(found.path).arrays
