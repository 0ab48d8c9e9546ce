"""Sweeps: every cell is there exactly once, whatever dies."""

import csv
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lecun89.data import Digits
from lecun89.exceptions import FileFormatError, InterruptedRunError, Lecun89Error, UsageError
from lecun89.settings import Settings
from lecun89.storage.locks import exclusive
from lecun89.sweeps import (
    COLUMNS,
    Sweep,
    expand,
    parse_pairs,
    read_grids,
)
from lecun89.sweeps.pools import LocalWork, local_pool, remote_pool
from lecun89.training.runs import Run, create_run, open_run
from tests.conftest import PATIENCE, Result, command, wait_until

SHORT = {"variant": ["base"], "passes": ["1"], "batch-size": ["full"]}


@pytest.fixture
def digests(splits: dict[str, Digits]) -> dict[str, dict[str, str]]:
    return {"1989": {name: digits.sha256 for name, digits in splits.items()}}


def local(directory: Path, data_dir: Path, workers: int = 1) -> Any:
    return local_pool(workers, LocalWork(data_dir, {"1989": []}, directory / "runs", 60.0, 1))


def table(directory: Path) -> list[dict[str, str]]:
    with (directory / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_each_once(directory: Path, cells: list[Settings]) -> None:
    rows = table(directory)
    assert sorted(int(row["seed"]) for row in rows) == sorted(cell.seed for cell in cells)
    assert all((directory / "runs" / row["run"] / "weights.safetensors").exists() for row in rows)


def test_a_grid_is_every_combination() -> None:
    cells = expand({"variant": ["base", "xent"], "lr": ["0.01", "0.03"], "seeds": ["0..2", "7"]})
    assert len(cells) == 2 * 2 * 4
    assert {cell.lr for cell in cells} == {0.01, 0.03}
    assert [cell.seed for cell in cells[:4]] == [0, 1, 2, 7]
    assumed = expand(parse_pairs(["variant=sdlm", "squash=tanh,scaled", "seeds=1,2"]))
    assert [cell.variant for cell in assumed[::2]] == ["sdlm+squash=tanh", "sdlm+squash=scaled"]
    assert all(cell.batch_size == 16 for cell in expand({"variant": ["fast"]}))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["lrs=1"], "unknown key 'lrs': did you mean 'lr'"),
        (["lr"], "is not like key=a,b,c"),
        (["lr=x"], "lr 'x' is not a number"),
        (["variant=bas"], "did you mean 'base'"),
        (["variant=base", "curvature=running"], "curvature only applies to sdlm"),
        (["variant=sdlm", "batch-size=8"], "one example at a time"),
        (["seeds=3..1"], "is empty"),
        (["lr=1", "lr=2"], "names lr twice"),
        (["engine=warp"], "unknown engine 'warp'"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is(
    cli: Callable[..., Result], pairs: list[str], message: str
) -> None:
    result = cli("sweep", *(word for pair in pairs for word in ("--grid", pair)))
    assert result.exit_code == 2
    assert message in result.error
    assert not Path("sweep").exists()


def test_a_file_may_hold_several_grids(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(
        'seeds = "0..1"\n[[grid]]\nvariant = "base"\nlr = [0.03, 0.01]\n'
        '[[grid]]\nvariant = "sdlm"\ninit = ["sqrt", "literal"]\n'
    )
    cells = [cell for grid in read_grids(path) for cell in expand(grid)]
    assert len(cells) == 8
    assert cells[-1].variant == "sdlm+init=literal"
    for text in ("x = ", "[[grid]]\nlr = {}", "grid = 3", "lr = [[]]"):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=r"grid\.toml"):
            read_grids(path)


def test_a_stopped_sweep_goes_on_where_it_was(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    cells = expand(SHORT | {"seeds": ["0..5"]})
    landed: list[int] = []

    def pool() -> Any:
        return local(tmp_path, data_dir)

    with pytest.raises(InterruptedRunError, match="of 6 cells"):
        Sweep(tmp_path, cells).train(
            pool,
            digests,
            stop_signal=lambda: signal.SIGINT if len(landed) >= 2 else None,
            on_cell=lambda cell, _: landed.append(cell.seed),
        )
    again = Sweep(tmp_path, cells)
    assert len(again.finished) == len(landed)
    assert 2 <= len(landed) < 6
    assert len({*landed}) == len(landed)
    result = again.train(pool, digests, on_cell=lambda cell, _: landed.append(cell.seed))
    assert result.failed == {}
    assert sorted(landed) == list(range(6))
    assert_each_once(tmp_path, cells)
    assert list(table(tmp_path)[0]) == list(COLUMNS)
    assert Sweep(tmp_path, cells).left == []
    # A smaller sweep in the same directory takes nothing away from the table.
    Sweep(tmp_path, cells[:1]).train(pool, digests)
    assert_each_once(tmp_path, cells)


class Killer:
    """Kills one of the workers when the first cell has landed."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self.pids, self.killed = pids, False

    def __call__(self, cell: Settings, outcome: object) -> None:
        if not self.killed:
            self.killed = True
            os.kill(self.pids()[0], signal.SIGKILL)


def test_a_worker_that_dies_costs_its_cell_which_is_trained_again(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    import multiprocessing

    cells = expand(SHORT | {"seeds": ["0..9"], "passes": ["3"]})

    def pool() -> Any:
        return local(tmp_path, data_dir, workers=2)

    def pids() -> list[int]:
        return [child.pid or 0 for child in multiprocessing.active_children()]

    killer = Killer(pids)
    result = Sweep(tmp_path, cells).train(pool, digests, on_cell=killer)
    assert killer.killed
    assert result.failed == {}
    assert_each_once(tmp_path, cells)


def test_on_a_cluster_a_worker_may_die(
    tmp_path: Path, splits: dict[str, Digits], digests: dict[str, dict[str, str]]
) -> None:
    distributed = pytest.importorskip("distributed", reason="installed without the extra cluster")
    cells = expand(SHORT | {"seeds": ["0..19"], "passes": ["3"]})
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        pids = [int(nanny.pid) for nanny in cluster.workers.values()]
        killer = Killer(lambda: pids)
        result = Sweep(tmp_path, cells).train(
            lambda: remote_pool(cluster.scheduler_address, {"1989": splits}),
            digests,
            on_cell=killer,
        )
    assert killer.killed
    assert result.failed == {}
    assert_each_once(tmp_path, cells)


@pytest.mark.parametrize(
    ("how", "code", "last"),
    [
        ("ended", 0, "seed 3: eval: split test "),
        ("interrupted", 130, "error: interrupted after "),
        ("without its scheduler", 1, "error: the scheduler at --scheduler tcp://"),
    ],
)
def test_a_client_of_a_cluster_ends_without_a_trace(how: str, code: int, last: str) -> None:
    distributed = pytest.importorskip("distributed", reason="installed without the extra cluster")
    grid = ("--grid", "passes=2", "--grid", f"seeds=0..{3 if how == 'ended' else 99}")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        line = command("sweep", *grid, "--scheduler", cluster.scheduler_address)
        with subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as sweeping:
            assert sweeping.stderr is not None
            lines = [sweeping.stderr.readline()]
            if how == "interrupted":
                sweeping.send_signal(signal.SIGINT)
            if how == "without its scheduler":
                cluster.close()
            lines += sweeping.stderr.read().splitlines()
    assert sweeping.returncode == code
    assert lines[-1].startswith(last)
    assert all(one.startswith("seed ") for one in lines[:-1])


class DeadlyPool:
    """Trains nothing: one cell kills its worker every time, the others come back cancelled once."""

    capacity = 2

    def __init__(self, pool: Any) -> None:
        self.pool, self.cancelled = pool, set[int]()

    def submit(self, cells: Sequence[Settings], begun: Sequence[Run]) -> "Future[Any]":
        future: Future[Any] = Future()
        (cell,) = cells
        if cell.seed == 0:
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
            return future
        if cell.seed in self.cancelled:
            return self.pool.submit(cells, begun)
        self.cancelled.add(cell.seed)
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    def progress(self) -> float:
        return 0.0

    def renew(self) -> None:
        pass


def test_a_cell_that_kills_every_worker_is_given_up_alone(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    @contextmanager
    def pool() -> Iterator[Any]:
        with local(tmp_path, data_dir) as real:
            yield DeadlyPool(real)

    cells = expand(SHORT | {"seeds": ["0..2"]})
    result = Sweep(tmp_path, cells).train(pool, digests)
    assert {cell.seed: why for cell, why in result.failed.items()} == {
        0: "3 workers were lost with it"
    }
    assert_each_once(tmp_path, cells[1:])


def test_what_was_being_written_is_no_run(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    cells = expand(SHORT | {"seeds": ["0..1"]})

    def pool() -> Any:
        return local(tmp_path, data_dir)

    Sweep(tmp_path, cells[:1]).train(pool, digests)
    (run,) = (tmp_path / "runs").iterdir()
    (tmp_path / ".writing").mkdir(exist_ok=True)
    run.rename(tmp_path / ".writing" / run.name)  # as if killed before it was whole
    again = Sweep(tmp_path, cells)
    assert again.finished == {}
    again.train(pool, digests)
    assert_each_once(tmp_path, cells)
    assert not (tmp_path / ".writing").exists()
    next((tmp_path / "runs").glob("*-s0")).joinpath("weights.safetensors").unlink()
    assert [cell.seed for cell in Sweep(tmp_path, cells).left] == [0]


def test_a_cell_of_other_digits_or_another_teacher_is_trained_anew(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    (cell,) = expand(SHORT)

    def pool() -> Any:
        return local(tmp_path, data_dir)

    Sweep(tmp_path, [cell]).train(pool, {"1989": digests["1989"] | {"teacher": "a"}})
    (run,) = (tmp_path / "runs").iterdir()
    assert "teacher" not in open_run(run).data_sha256  # base has none
    trained = open_run(run)
    results, (state, _) = trained.read_metrics(), trained.load_state()

    def as_if(settings: Settings, sha256: dict[str, str]) -> None:
        shutil.rmtree(tmp_path / "runs")
        made = create_run(tmp_path / "runs", settings, sha256, {}, state)
        made.save_pass(results, state)

    as_if(cell, digests["1989"] | {"test": "0" * 64})
    assert Sweep(tmp_path, [cell]).left == [cell]
    (taught,) = expand(SHORT | {"variant": ["record+teacher=yes"], "lr": ["0.03"]})
    as_if(taught, digests["1989"] | {"teacher": "a"})
    assert Sweep(tmp_path, [taught]).left == []
    for teacher, left in (("a", []), ("b", [taught])):
        made = Sweep(tmp_path, [taught])
        made._look_up({"1989": digests["1989"] | {"teacher": teacher}})
        assert made.left == left


def test_ctrl_c_ends_the_workers_too(tmp_path: Path) -> None:
    words = ("sweep", "--grid", "engine=eager", "--grid", "seeds=0..3", "--workers", 2)
    with subprocess.Popen(
        command(*words), stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
    ) as process:
        # Both workers train: each has made a run.
        wait_until(lambda: len(list(tmp_path.glob("sweep/runs/*/config.json"))) == 2)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert errors == "error: interrupted after 0 of 4 cells\n"
    wait_until(lambda: not is_there(process.pid))  # Python's own helper takes a moment longer


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_cell_that_diverges_leaves_the_others(cli: Callable[..., Result], tmp_path: Path) -> None:
    result = cli(
        *("sweep", "--grid", "variant=xent", "--grid", "lr=0.01,1e38", "--grid", "seeds=1"),
        *("--grid", "batch-size=64", "--grid", "passes=1", "--workers", 1),
    )
    assert result.exit_code == 1
    assert "1 of 2 cells failed" in result.error
    assert "non-finite" in result.error
    assert [float(row["lr"]) for row in table(tmp_path / "sweep")] == [0.01]
    listed = cli(
        *("sweep", "--grid", "variant=xent", "--grid", "lr=0.01,1e38", "--grid", "seeds=1"),
        *("--grid", "batch-size=64", "--grid", "passes=1", "--dry-run"),
    )
    assert "2 cells, 1 finished in sweep" in listed.stdout


def test_two_sweeps_of_one_directory_do_not_mix(
    tmp_path: Path, data_dir: Path, digests: dict[str, dict[str, str]]
) -> None:
    cells = expand(SHORT | {"seeds": ["0"]})
    first, second = Sweep(tmp_path, cells), Sweep(tmp_path, cells)
    with (
        exclusive(first.directory, "sweeping in"),
        pytest.raises(Lecun89Error, match="another process is sweeping in"),
    ):
        second.train(lambda: local(tmp_path, data_dir), digests)


def test_an_unreachable_scheduler_is_one_line(cli: Callable[..., Result]) -> None:
    pytest.importorskip("distributed", reason="installed without the extra cluster")
    result = cli("sweep", "--grid", "passes=1", "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "no scheduler at --scheduler tcp://127.0.0.1:9" in result.error


def test_results_are_those_of_train(cli: Callable[..., Result]) -> None:
    cli("sweep", "--grid", "seeds=5", "--grid", "passes=1", "-q")
    document = cli("train", "--seed", 5, "--passes", 1, "--json", "-q").document
    (row,) = table(Path("sweep"))
    assert int(row["test_misses"]) == document["splits"]["test"]["misses"]
    assert float(row["test_loss"]) == document["splits"]["test"]["loss"]


def test_file_and_grid_contradict_each_other(cli: Callable[..., Result]) -> None:
    assert cli("sweep").exit_code == 2
    with pytest.raises(UsageError, match="not like"):
        parse_pairs(["=3"])
