import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lecun89.data import Digits
from lecun89.exceptions import FileFormatError
from lecun89.training.runs import Run, list_runs, open_run
from tests.conftest import QUICKEST, Result, command

QUICK = ("--variant", "modern", "--batch-size", 96, "--passes", 2)


def only_run() -> Run:
    (path,) = Path("runs").iterdir()
    return open_run(path)


def test_the_first_pass_of_base_is_the_seeds_on_the_eager_engine(
    process: Callable[..., Result],
) -> None:
    assert process("train", "--engine", "eager", "--passes", 1, "-q").exit_code == 0
    (metrics,) = only_run().read_metrics()
    assert metrics.train.loss == pytest.approx(6.303316e-02, rel=1e-5)
    assert metrics.test.loss == pytest.approx(6.877644e-02, rel=1e-5)
    assert metrics.test.misses == 206


def test_the_first_pass_of_base_is_the_seeds_but_for_roundings(
    base_run: tuple[Path, Result],
) -> None:
    path, result = base_run
    (metrics,) = open_run(path).read_metrics()
    assert metrics.train.loss == pytest.approx(6.303316e-02, rel=1e-3)
    assert metrics.test.loss == pytest.approx(6.877644e-02, rel=1e-3)
    assert abs(metrics.test.misses - 206) <= 2
    lines = result.stdout.splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("eval: split train. loss 6.30")
    assert lines[2].startswith("eval: split test . loss 6.87")
    assert lines[2].endswith(f"misses: {metrics.test.misses}")
    assert lines[-1] == str(path)
    table = result.stdout
    assert "4.09%" in table  # the blog's
    assert "102" in table  # the paper's
    assert "pass 1/1: " in result.stderr
    assert "one example at a time is fastest on the CPU" in result.stderr


def test_json_is_one_document_of_the_documented_shape(cli: Callable[..., Result]) -> None:
    result = cli("train", *QUICK, "--json")
    document = result.document
    assert list(document) == ["schema_version", "run", "variant", "data", "seconds", "splits"]
    run = only_run()
    assert document["run"] == str(run.path)
    assert document["seconds"] == pytest.approx(sum(m.seconds for m in run.read_metrics()))
    last = run.read_metrics()[-1]
    assert document["splits"]["test"]["misses"] == last.test.misses
    assert document["splits"]["train"]["total"] == 7291
    assert "eval: split test ." in result.stderr


def test_quiet_leaves_the_result_alone(cli: Callable[..., Result]) -> None:
    result = cli("train", *QUICK, "-q")
    assert result.stderr == ""
    train, test, path = result.stdout.splitlines()
    assert train.startswith("eval: split train.")
    assert test.startswith("eval: split test .")
    assert path == str(only_run().path)


def test_a_run_records_where_its_values_came_from(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECUN89_SEED", "7")
    cli("train", "--variant", "xent", "--batch-size", "full", "--passes", 1, "-q")
    run = only_run()
    assert run.path.name.endswith("-xent-1989-s7")
    assert run.settings.batch_size is None
    origins = dict(run.settings.origins)
    reasons = {name: origins.pop(name) for name in ("device", "engine")}
    assert all(reason.startswith("chosen: ") for reason in reasons.values())
    assert origins == {
        "variant": "flag",
        "data": "default",
        "seed": "environment",
        "passes": "flag",
        "lr": "variant",
        "batch_size": "flag",
        "threads": "default",
    }
    assert run.machine["cpu"]
    config = json.loads((run.path / "config.json").read_text())
    assert config["settings"]["batch_size"] == {"value": "full", "origin": "flag"}


@pytest.mark.skipif(QUICKEST == "eager", reason="installed without a C++ compiler")
@pytest.mark.parametrize(
    ("words", "threads"),
    [
        ((), "6 threads, 1 in a step"),
        (("--batch-size", 16), "6 threads, 4 in a step"),
        (("--batch-size", "full"), "6 threads"),
        (("--batch-size", "full", "--threads", 2), "2 threads"),
        (("--batch-size", "full", "--engine", "eager"), "1 thread"),
        (("--batch-size", "full", "--seeds", "0..1"), "3 threads"),
        (("--batch-size", "full", "--seeds", "0..1", "--workers", 1), "6 threads"),
        (("--batch-size", "full", "--seeds", "0..9"), "1 thread"),
        (("--batch-size", "full", "--seeds", "0..9", "--threads", 3), "3 threads"),
    ],
)
def test_the_plan_tells_the_threads_of_each_training(
    words: tuple[object, ...],
    threads: str,
    cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lecun89.cores.usable_cores", lambda: 6)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    result = cli("train", "--passes", 1, *words, "--dry-run")
    assert result.stdout.splitlines()[-1] == threads


@pytest.mark.skipif(QUICKEST == "eager", reason="installed without a C++ compiler")
def test_the_header_and_the_run_tell_the_threads(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    result = cli("train", "--passes", 1, "--batch-size", "full", "--threads", 5)
    assert result.stderr.splitlines()[0].endswith("), 5 threads")
    assert only_run().settings.threads == only_run().machine["threads"] == 5
    assert "threads: 5 (flag)" in cli("train", "--resume", only_run().path, "-v").stderr


def test_dry_run_prints_the_plan_and_makes_nothing(cli: Callable[..., Result]) -> None:
    result = cli("train", "--variant", "modern", "--data", "1989", "--dry-run")
    assert result.exit_code == 0
    assert "583,280 steps" in result.stdout
    assert re.search(r" us a step over [\d,]+ steps, ", result.stdout)
    for line in result.stdout.splitlines():
        if line.startswith(" variant"):
            assert line.split() == ["variant", "modern", "flag"]
    document = cli("train", "--batch-size", 8, "--dry-run", "--json").document
    assert document["steps"] == 23 * 912
    assert document["settings"]["lr"] == {"value": 0.03, "origin": "variant"}
    assert document["estimate"]["seconds"] > 0
    assert not Path("runs").exists()


def test_tensorboard_files_hold_the_scalars(cli: Callable[..., Result]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert cli("train", *QUICK, "--tensorboard", "-q").exit_code == 0
    run = only_run()
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("error/test")]
    expected = [(m.number, pytest.approx(m.test.error_percent)) for m in run.read_metrics()]
    assert found == expected
    assert set(events.Tags()["scalars"]) == {"loss/train", "loss/test", "error/train", "error/test"}


def test_without_tensorboard_the_extra_is_named(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    result = cli("train", *QUICK, "--tensorboard")
    assert result.exit_code == 1
    assert 'pip install "lecun89[tensorboard]"' in result.error


def test_divergence_stops_the_run_and_keeps_a_finite_state(cli: Callable[..., Result]) -> None:
    result = cli("train", "--variant", "xent", "--lr", 1e38, "--batch-size", 64)
    assert result.exit_code == 1
    assert result.error.startswith("pass 1: the loss became non-finite")
    assert "lower --lr, which was 1e+38" in result.error
    state, _ = only_run().load_state()
    assert all(np.isfinite(array).all() for array in state.values())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Run:
    """The run that interrupted ones must equal."""
    runs = tmp_path_factory.mktemp("whole") / "runs"
    env = os.environ | {"LECUN89_DATA_DIR": str(data_dir)}
    subprocess.run(
        command("train", *QUICK, "--runs-dir", runs), env=env, check=True, capture_output=True
    )
    return open_run(next(runs.iterdir()))


def same(found: Run, right: Run) -> None:
    """Weights, metrics and random state are the same bits; only times differ."""
    assert found.weights_path().read_bytes() == right.weights_path().read_bytes()
    for one, other in zip(found.read_metrics(), right.read_metrics(), strict=True):
        assert (one.number, one.lr, one.train, one.test) == (
            other.number,
            other.lr,
            other.train,
            other.test,
        )
    (one_state, _), (other_state, _) = found.load_state(), right.load_state()
    assert one_state.keys() == other_state.keys()
    assert all(np.array_equal(one_state[key], other_state[key]) for key in other_state)


@pytest.fixture
def start() -> Iterator[Callable[[], tuple[subprocess.Popen[str], Run]]]:
    """Start a training and wait until it is in the middle of a pass."""
    processes: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], Run]:
        process = subprocess.Popen(
            command("train", *QUICK, "--checkpoint-seconds", 0.01),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                run = only_run()
                if run.load_state()[1].step > 10:
                    return process, run
            except (ValueError, OSError, FileFormatError):
                pass
            time.sleep(0.005)
        raise AssertionError(process.communicate())

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_killed_run_goes_on_to_the_same_bits(
    start: Callable[..., tuple[subprocess.Popen[str], Run]],
    whole: Run,
    cli: Callable[..., Result],
) -> None:
    victim, run = start()
    victim.kill()
    victim.wait()
    result = cli("train", "--resume", run.path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == str(run.path)
    same(run, whole)


@pytest.mark.parametrize(("which", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_saved_and_says_how_to_go_on(
    start: Callable[..., tuple[subprocess.Popen[str], Run]],
    whole: Run,
    cli: Callable[..., Result],
    which: signal.Signals,
    code: int,
) -> None:
    stopped, run = start()
    stopped.send_signal(which)
    _, stderr = stopped.communicate(timeout=30)
    assert stopped.returncode == code
    result = Result(code, "", stderr)
    assert result.error.startswith("interrupted in pass ")
    assert result.error.endswith(f"resume with: lecun89 train --resume {run.path}")
    assert cli("train", "--resume", run.path.name).exit_code == 0
    same(run, whole)
    again = cli("train", "--resume", run.path)
    assert again.exit_code == 0
    same(run, whole)


@pytest.mark.parametrize(
    ("flag", "value", "kept"),
    [
        ("--lr", 0.5, 0.0003),
        ("--seed", 3, 1337),
        ("--passes", 1, 2),
        ("--batch-size", "full", 96),
        ("--variant", "base", "modern"),
        ("--data", "full", "1989"),
    ],
)
def test_a_flag_against_the_run_is_refused(
    whole: Run, cli: Callable[..., Result], flag: str, value: object, kept: object
) -> None:
    result = cli("train", "--resume", whole.path, flag, value)
    assert result.exit_code == 2
    assert f"{flag} {value} conflicts with {whole.path}, which has {kept}" in result.error
    assert cli("train", "--resume", whole.path, flag, kept).exit_code == 0


def test_a_reader_who_leaves_stops_the_run_saved() -> None:
    line = shlex.join(command("train", *QUICK[:-1], 4))
    done = subprocess.run(
        f"{line} | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    run = only_run()
    assert done.stderr.endswith(
        f"error: stdout was closed; resume with: lecun89 train --resume {run.path}\n"
    )
    assert 1 <= len(run.read_metrics()) < 4


def test_settings_in_the_environment_do_not_touch_a_run(
    whole: Run, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECUN89_VARIANT", "base")
    monkeypatch.setenv("LECUN89_SEED", "5")
    assert cli("train", "--resume", whole.path).exit_code == 0


def test_torchvision_is_not_needed(
    process: Callable[..., Result],
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torchvision.py").write_text("raise RuntimeError('torchvision::nms')")
    env = {"PYTHONPATH": os.pathsep.join([str(broken), *sys.path])}
    trained = process("train", *QUICK, "--data-dir", "fresh", "-q", env=env)
    assert trained.exit_code == 0
    refused = process("prepare", "--source", "download", "--data-dir", "other", env=env)
    assert refused.exit_code == 4
    assert "torchvision::nms" in refused.error
    assert not list(Path("other").rglob("*"))
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for args in (("prepare", "--data-dir", "more"), ("eval",), ("errors",), ("doctor",)):
        assert cli(*args).exit_code == 0, args


def test_one_digit_at_a_time_needs_no_torch(
    process: Callable[..., Result], tmp_path: Path, splits: dict[str, Digits]
) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise RuntimeError('torch was imported')")
    env = {"PYTHONPATH": os.pathsep.join([str(broken), *sys.path])}
    result = process("train", "--passes", 2, env=env)
    assert result.exit_code == 0, result.stderr
    assert "native engine (fastest on the CPU, " in result.stderr
    (_, last) = only_run().read_metrics()
    # The seeds' first pass ends at 6.3e-2 and 206 misses; the order of sums is another here.
    assert only_run().read_metrics()[0].train.loss == pytest.approx(6.303316e-02, rel=1e-3)
    assert last.test.misses < 206
    resumed = process("train", "--resume", only_run().path, env=env)
    assert resumed.exit_code == 0


def test_without_the_kernel_the_eager_engine_trains(
    process: Callable[..., Result], tmp_path: Path
) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "sitecustomize.py").write_text("import sys\nsys.modules['lecun89._native'] = None\n")
    env = {"PYTHONPATH": os.pathsep.join([str(absent), *sys.path])}
    result = process("train", "--dry-run", env=env)
    assert result.exit_code == 0
    assert "the native engine is absent: its kernel was not built" in " ".join(
        result.stdout.split()
    )
    assert "eager" in result.stdout
    refused = process("train", "--engine", "native", env=env)
    assert refused.exit_code == 2
    assert refused.error.startswith("the native engine is not available: its kernel was not built")


SEEDS = ("--variant", "modern", "--seeds", "3..5")


def test_seeds_train_side_by_side_to_what_each_trains_to_alone(
    cli: Callable[..., Result],
) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    result = cli("train", *SEEDS, "--passes", 2)
    assert result.exit_code == 0
    directory = Path(result.stdout.splitlines()[-1])
    found = [open_run(path) for path in (directory / "runs").iterdir()]
    runs = sorted(found, key=lambda run: run.settings.seed)  # which began in any order
    assert [run.settings.seed for run in runs] == [3, 4, 5]
    assert "modern on 1989: 3 seeds, passes 2; " in result.stdout
    assert "95% of the mean" in result.stdout
    assert "3 seeds, " in result.stderr
    assert result.stderr.count("eval: split test .") == 3
    alone = cli("train", "--variant", "modern", "--seed", 4, "--passes", 2, "-q")
    path = Path(alone.stdout.splitlines()[-1])
    same(runs[1], open_run(path))


def test_seeds_as_json(cli: Callable[..., Result]) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    result = cli("train", *SEEDS, "--passes", 1, "--workers", 1, "--json")
    document = result.document
    assert [run["seed"] for run in document["runs"]] == [3, 4, 5]
    errors = [run["splits"]["test"]["error_percent"] for run in document["runs"]]
    assert document["error_percent"]["test"]["mean"] == pytest.approx(sum(errors) / 3)
    low, high = document["error_percent"]["test"]["interval95"]
    assert low < sum(errors) / 3 < high
    alone = cli("train", "--seeds", 7, "--passes", 1, "--json").document
    assert [run["seed"] for run in alone["runs"]] == [7]
    assert alone["error_percent"]["test"]["interval95"] is None
    quiet = cli("train", *SEEDS, "--passes", 1, "-q")
    assert quiet.stderr == ""
    assert quiet.stdout.startswith("eval: split test . 3 seeds. error ")


def test_interrupted_seeds_are_resumed_by_their_directory(cli: Callable[..., Result]) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")

    def stop(words: list[str], which: signal.Signals, *, beyond: dict[str, int]) -> Result:
        """Send a signal when a run is further than it was."""
        with subprocess.Popen(
            [*command(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            while process.poll() is None:
                if any(far > beyond.get(name, 1) for name, far in passes().items()):
                    break
                time.sleep(0.01)
            process.send_signal(which)
            stdout, stderr = process.communicate(timeout=120)
        return Result(process.returncode, stdout, stderr)

    def passes() -> dict[str, int]:
        return {path.name: len(open_run(path).read_metrics()) for path in list_runs(Path("runs"))}

    stopped = stop(["train", *SEEDS, "--passes", "400"], signal.SIGINT, beyond={})
    assert stopped.exit_code == 130
    assert stopped.error.startswith("interrupted after 0 of 3 cells; resume with: lecun89 train")
    words = shlex.split(stopped.error.partition("resume with: ")[2])[1:]
    assert words[:2] == ["train", "--resume"]
    assert words[2].endswith("-modern-1989-seeds")
    before = passes()
    conflict = cli(*words, "--variant", "base")
    assert conflict.exit_code == 2
    assert "--variant base conflicts with" in conflict.error
    twice = cli(*words, "--resume", "runs")
    assert twice.exit_code == 2
    assert "--resume takes one run" in twice.error
    # To their ends would take long: that they go on from where they were is enough.
    again = stop(words, signal.SIGTERM, beyond=before)
    assert again.exit_code == 128 + signal.SIGTERM
    assert passes().keys() >= before.keys()
    assert all(passes()[name] >= far for name, far in before.items())


def test_resumed_seeds_are_those_that_were_never_stopped(cli: Callable[..., Result]) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    flags = ("--variant", "modern", "--seeds", "3,4", "--passes", 1, "-q", "--json")
    whole = cli("train", *flags).document
    one = Path(whole["runs"][0]["run"])
    shutil.rmtree(one)  # as if it had not begun
    again = cli("train", "--resume", whole["directory"], "-q", "--json").document
    for before, after in zip(whole["runs"], again["runs"], strict=True):
        assert before["splits"] == after["splits"]
    assert again["runs"][1]["run"] == whole["runs"][1]["run"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", "", "--resume", "x"), "--seeds and --resume cannot be combined"),
        (("--seeds", "0..3", "--seed", 1), "--seed and --seeds cannot be combined"),
        (("--seeds", "3..0"), "--seeds 3..0 is empty"),
        (("--seeds", "0..3", "--resume", "x"), "--seeds and --resume cannot be combined"),
        (("--seeds", "4294967296"), "--seed 4294967296 is out of range"),
        (("--workers", 0), "--workers 0 is out of range"),
        (("--workers", "many"), "--workers 'many' is not a whole number"),
    ],
)
def test_seeds_and_workers_that_cannot_be_are_refused(
    cli: Callable[..., Result], arguments: tuple[object, ...], message: str
) -> None:
    result = cli("train", *arguments)
    assert result.exit_code == 2
    assert message in result.error
    assert not Path("runs").exists()
