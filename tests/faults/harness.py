"""Victims: commands of lecun89, each in a process of its own that can be killed or starved.

They are forked from a server that has imported everything, so that one takes a few hundredths of a
second to begin, and has shim.c preloaded, which makes the Nth operation on files fail.
"""

import atexit
import contextlib
import ctypes
import errno
import importlib
import json
import os
import pkgutil
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import lecun89
from lecun89.training.runs import Run, list_runs, open_run
from tests.conftest import PATIENCE

ROOT = Path(__file__).parent.parent.parent
OFTEN = ("--checkpoint-seconds", 0.001)  # a checkpoint in every slice
TRAINING = {
    "native": ("train", "--variant", "modern", "--batch-size", 96, "--passes", 3),
    "eager": (
        *("train", "--variant", "modern", "--batch-size", 1024, "--passes", 2),
        *("--engine", "eager"),
    ),
    "eager, one pass": (
        *("train", "--variant", "modern", "--batch-size", 1024, "--passes", 1),
        *("--engine", "eager"),
    ),
}
"""Short trainings."""


@dataclass(frozen=True)
class Fault:
    """What happens at which operation; see shim.c.

    Attributes:
        mode: ``count``, ``once``, ``on``, ``before``, ``after`` or ``torn``.
        nth: the operation, counted from 1; 0 for none.
        error: the errno with which it fails.
        signum: the signal that the process gets.
        below: the directory whose files count.
        log: a file that gets a line for each operation.
        no_locks: an errno with which all locks fail.
    """

    mode: str = "count"
    nth: int = 0
    error: int = errno.ENOSPC
    signum: int = signal.SIGKILL
    below: Path | None = None
    log: Path | None = None
    no_locks: int = 0

    def environment(self) -> dict[str, str]:
        """As shim.c reads it."""
        values = {
            "FAULTS_MODE": self.mode,
            "FAULTS_NTH": self.nth,
            "FAULTS_ERRNO": self.error,
            "FAULTS_SIGNAL": self.signum,
            "FAULTS_NOLOCKS": self.no_locks,
            "FAULTS_BELOW": self.below,
            "FAULTS_LOG": self.log,
        }
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass
class Ended:
    """How a victim ended.

    Attributes:
        code: its exit code, minus the signal's number if one killed it.
        stdout: what it printed.
        stderr: what it printed there.
    """

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one error line, which is the last on stderr."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self
        assert self.stderr.endswith(lines[0] + "\n"), self
        assert "Traceback" not in self.stderr, self
        assert "internal error" not in self.stderr, self
        assert "Exception ignored" not in self.stderr, self
        return lines[0].removeprefix("error: ")


@cache
def shim() -> Path:
    """The shared object made of shim.c."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("the attacks on files need Linux and a C compiler")
    directory = Path(tempfile.mkdtemp(prefix="lecun89-shim-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    made = directory / "shim.so"
    source = Path(__file__).with_name("shim.c")
    line = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", made, source]
    subprocess.run([*line, "-ldl"], check=True)
    return made


class Victim:
    """A running victim."""

    def __init__(self, pid: int, directory: Path) -> None:
        """One that has just begun; what it prints is in the directory."""
        self.pid = pid
        self._directory = directory
        self._ended = threading.Event()
        self._status = 0

    def send(self, signum: int) -> None:
        """Send it a signal, if it still runs."""
        if self.runs():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def runs(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.is_set()

    def stands_still(self) -> bool:
        """Whether a signal has stopped it."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """Wait until it ends."""
        if not self._ended.wait(seconds):
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(f"it hangs: {self._read('stderr')}")
        code = os.waitstatus_to_exitcode(self._status)
        ended = Ended(code, self._read("stdout"), self._read("stderr"))
        shutil.rmtree(self._directory)
        return ended

    def end(self, status: int) -> None:
        """Note that it has ended with that status, as ``waitpid`` gives it."""
        self._status = status
        self._ended.set()

    def _read(self, name: str) -> str:
        path = self._directory / name  # which is not there when it was killed at once
        return path.read_text(errors="replace") if path.exists() else ""


class Server:
    """A process that forks victims; `serve` is its other side."""

    def __init__(self) -> None:
        """Start it."""
        env = os.environ | {"LD_PRELOAD": str(shim()), "COLUMNS": "100"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.faults.harness import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=env,
        )
        self._scratch = Path(tempfile.mkdtemp(prefix="lecun89-victims-"))
        self._lock = threading.Lock()
        self._orders = 0
        self._begun: dict[int, queue.SimpleQueue[Victim]] = {}  # by number of the order
        self._victims: dict[int, Victim] = {}  # by pid
        threading.Thread(target=self._listen, daemon=True).start()

    def start(
        self,
        *arguments: object,
        cwd: Path,
        fault: Fault | None = None,
        env: dict[str, str] | None = None,
        limits: dict[str, int] | None = None,
        mortal: bool = False,
    ) -> Victim:
        """Start a command of lecun89.

        Args:
            arguments: of the command line.
            cwd: where it runs.
            fault: what happens to it.
            env: added to its environment.
            limits: of `resource`, by name.
            mortal: whether it loses root's right to pass over permissions.
        """
        with self._lock:
            self._orders += 1
            number = self._orders
            begun = self._begun[number] = queue.SimpleQueue()
        directory = self._scratch / str(number)
        directory.mkdir()
        order = {
            "number": number,
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd),
            "directory": str(directory),
            "env": (env or {}) | (fault or Fault()).environment(),
            "limits": limits or {},
            "mortal": mortal,
        }
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return begun.get(timeout=PATIENCE)

    def run(self, *arguments: object, **more: Any) -> Ended:
        """Run a command to its end; arguments as for `start`."""
        return self.start(*arguments, **more).wait()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            kind, *words = line.split()
            first, second = map(int, words)
            if kind == "started":
                victim = self._victims[second] = Victim(second, self._scratch / str(first))
                self._begun.pop(first).put(victim)
            else:
                self._victims.pop(first).end(second)


def _import_everything() -> None:
    """What a command would import late, which takes a second or two: PyTorch's optimizers do."""
    import torch

    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    for package in pkgutil.walk_packages(lecun89.__path__, "lecun89."):
        if package.name != "lecun89.__main__":
            with contextlib.suppress(ImportError):  # what is not installed or built
                importlib.import_module(package.name)
    with contextlib.suppress(ImportError):
        importlib.import_module("matplotlib.backends.backend_agg")


def serve() -> None:
    """Fork a victim for each line of stdin; tell on stdout of its start and end."""
    _import_everything()
    reaped, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda signum, frame: None)
    pending = b""
    os.set_blocking(0, False)
    children = 0
    closed = False
    while not closed or children:
        ready, _, _ = select.select([reaped] if closed else [0, reaped], [], [])
        if 0 in ready:
            content = os.read(0, 1 << 16)
            closed = not content
            *lines, pending = (pending + content).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    _become(order)
                children += 1
                print("started", order["number"], pid, flush=True)
        if reaped in ready:
            os.read(reaped, 1 << 16)
            while children:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                children -= 1
                print("ended", pid, status, flush=True)


def _become(order: dict[str, Any]) -> None:
    """In the forked process: become the victim."""
    import resource

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(order["cwd"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        path = Path(order["directory"], name)
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.update(order["env"])
    if order["mortal"]:
        _drop_capabilities()
    for name, value in order["limits"].items():
        which = getattr(resource, name)
        resource.setrlimit(which, (value, resource.getrlimit(which)[1]))
    ctypes.CDLL(os.environ["LD_PRELOAD"]).faults_arm()
    from lecun89.cli.app import main

    sys.argv = ["lecun89", *order["arguments"]]
    code: object = 70
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        import traceback

        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    # As at an interpreter's end: the pools' threads, then multiprocessing. The server's is skipped.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    os._exit(code if isinstance(code, int) else 0)


def _drop_capabilities() -> None:
    version, nobody = 0x20080522, 0
    header = (ctypes.c_uint32 * 2)(version, nobody)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def fingerprint(run: Run) -> dict[str, Any]:
    """What an attack must not change: weights, metrics but for times, all of the state."""
    state, position = run.load_state()
    return {
        "weights": run.weights_path().read_bytes(),
        "metrics": [(of.number, of.lr, of.train, of.test) for of in run.read_metrics()],
        "state": {name: (array.dtype, array.tobytes()) for name, array in state.items()},
        "passes": position.passes,
    }


def whole_run(path: Path) -> Run:
    """The run there; no file of it is torn, and nothing half-written lies about."""
    run = open_run(path)
    run.load_state()
    run.read_metrics()
    if (path / "weights.safetensors").exists():
        run.read_weights()
    return run


def operations(log: Path) -> list[str]:
    """What a victim did to files: ``write``, ``fsync``, ``rename PATH``, ..."""
    return log.read_text().splitlines() if log.exists() else []


def go_on(server: Server, directory: Path, right: dict[str, Any]) -> bool:
    """Go on with the run there, if it had begun, and compare it with the one nobody killed."""
    paths = list_runs(directory / "runs")
    if not paths:
        return False
    (path,) = paths
    whole_run(path)
    done = server.run("train", "--resume", path, "-q", cwd=directory)
    assert done.code == 0, done
    assert fingerprint(open_run(path)) == right
    assert not list(path.glob("*.tmp"))
    return True


def undisturbed(server: Server, *line: object, cwd: Path, env: dict[str, str]) -> list[str]:
    """The operations of a command that nothing happens to; its directory is made if need be."""
    cwd.mkdir(exist_ok=True)
    log = cwd.with_suffix(".log")
    done = server.run(*line, cwd=cwd, fault=Fault(below=cwd, log=log), env=env)
    assert done.code == 0, done
    return operations(log)
