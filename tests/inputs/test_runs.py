"""Runs as people have them: extended, moved to another machine, checked in, and swept."""

import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lecun89
from lecun89.sweeps import change_seeds, create_seeds, open_seeds
from lecun89.training.loop import Position
from lecun89.training.runs import Run, create_run, find_run, list_runs, open_run
from tests.conftest import QUICKEST, Result

SHORT = ("--passes", 1, "--batch-size", "full")
Cli = Callable[..., Result]


def path_of(result: Result) -> Path:
    assert result.exit_code == 0, result.stderr
    return Path(result.stdout.splitlines()[-1])


def train(cli: Cli, *args: object) -> Path:
    short = SHORT[2:] if "--passes" in args else SHORT  # a flag is given once
    return path_of(cli("train", *short, *args, "-q"))


@pytest.fixture(scope="module")
def eager_run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Run:
    """A pass of base in one step, by PyTorch."""
    result = lecun89.train(
        *("base",),
        passes=1,
        batch_size="full",
        engine="eager",
        run_dir=tmp_path_factory.mktemp("eager"),
        data_dir=data_dir,
        progress=False,
    )
    assert result.run is not None
    return open_run(result.run)


# Going on past the end.

EXTENSIONS: list[tuple[str, tuple[object, ...], object, int, str]] = [
    ("further", (), 2, 0, ""),
    ("further, another loss", ("--variant", "xent"), 2, 0, ""),
    ("a schedule made constant", ("--variant", "adamw+lr-decay=1.0"), 2, 0, ""),
    ("as many", (), 1, 0, "is finished: 1 of 1 passes are done; extend it with --passes N"),
    ("as many of a schedule", ("--variant", "adamw"), 1, 0, "is finished: 1 of 1 passes are done"),
    ("none", (), 0, 2, "--passes 0 is out of range"),
    ("fewer", ("--passes", 2), 1, 2, "which has 2: leave --passes out, or start a new run"),
    ("too many", (), 1_000_001, 2, "--passes 1000001 is out of range"),
    ("a linear schedule", ("--variant", "adamw"), 3, 2, "depend on the number of passes"),
    ("one made linear", ("--variant", "adamw+lr-decay=2"), 3, 2, "depend on the number of passes"),
    ("one cycle", ("--variant", "base+schedule=one_cycle"), 3, 2, "learning rates of base+sch"),
    ("several seeds", ("--seeds", "3,5"), 2, 0, ""),
    ("several seeds, fewer", ("--seeds", "3,5", "--passes", 2), 1, 2, "--seeds 3,5"),
    ("several of a schedule", ("--variant", "adamw", "--seeds", "3..5"), 2, 2, "--seeds 3..5"),
]


@pytest.mark.parametrize(("how", "asked", "code", "words"), [row[1:] for row in EXTENSIONS])
def test_a_run_is_extended_or_the_reason_told(
    cli: Cli, how: tuple[object, ...], asked: object, code: int, words: str
) -> None:
    path = train(cli, *how)
    result = cli("train", "--resume", path, "--passes", asked, "--workers", 1)
    assert result.exit_code == code, result.stderr
    assert words in (result.error if code else result.stderr)
    found = open_seeds(path) if "--seeds" in how else open_run(path)
    runs = [open_run(one) for one in (path / "runs").iterdir()] if "--seeds" in how else [found]
    kept = how[how.index("--passes") + 1] if "--passes" in how else 1
    for one in (found, *runs):
        assert one.settings.passes == (kept if code else asked)  # type: ignore[attr-defined]
    for run in runs:
        assert isinstance(run, Run)
        assert len(run.read_metrics()) == (kept if code else asked)
    assert cli("eval", runs[0].path).exit_code == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "how",
    [
        ("--variant", "adamw", "--lr", 0.002, "--seed", 7),
        ("--variant", "fast", "--assume", "dropout=0.5", "--assume", "dropout-after=H2"),
        ("--variant", "adamw", "--engine", QUICKEST, "--device", "cpu", "--runs-dir", "a 'dir'"),
    ],
)
def test_the_command_that_starts_anew_does(cli: Cli, how: tuple[object, ...]) -> None:
    path = train(cli, *how)
    elsewhere = how[how.index("--runs-dir") :] if "--runs-dir" in how else ()
    error = cli("train", "--resume", path, *elsewhere, "--passes", 2).error
    name, *words = shlex.split(error.partition("start a new run with: ")[2])
    assert name == "lecun89"
    new = path_of(cli(*words, "-q"))
    assert new.parent == path.parent
    assert open_run(new).settings == replace(open_run(path).settings, passes=2)


def test_a_kill_between_the_settings_and_the_training_costs_nothing(cli: Cli) -> None:
    one, several = train(cli), train(cli, "--seeds", "1,2")
    run, seeds = open_run(one), open_seeds(several)
    run.changed(replace(run.settings, passes=2))
    change_seeds(seeds, replace(seeds.settings, passes=2))
    first = open_run(next((several / "runs").glob("*-s1")))
    first.changed(replace(first.settings, passes=2))
    assert cli("eval", one).exit_code == 0
    for path in (one, several):
        assert path_of(cli("train", "--resume", path, "-q")) == path
    assert len(open_run(one).read_metrics()) == 2
    assert open_seeds(several).left == []
    again = cli("train", "--resume", several)
    assert f"{several} is finished: 2 of 2 passes are done" in again.stderr
    assert len(list((several / "runs").iterdir())) == 2


def test_a_run_that_others_change_is_left_alone(cli: Cli) -> None:
    run = open_run(train(cli))
    run.changed(replace(run.settings, passes=3))
    with pytest.raises(Exception, match="another process has changed"):
        run.changed(replace(run.settings, passes=2))
    assert open_run(run.path).settings.passes == 3


def test_a_configuration_remembers_the_last_of_many_changes(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lecun89.training.runs._MOST_CHANGES", 3)
    run = open_run(train(cli))
    results, (state, _) = run.read_metrics(), run.load_state()
    for number in range(2, 8):
        run = run.changed(replace(run.settings, passes=number))
        run.save_state(results, state, Position(1))
    assert [change["to"] for change in run.changes] == [{"passes": n} for n in (5, 6, 7)]
    assert open_run(run.path) == run


def test_changes_with_no_training_between_them_are_one(cli: Cli) -> None:
    run = open_run(train(cli))
    for number in range(2, 8):  # each killed before it saved anything
        run = run.changed(replace(run.settings, passes=number))
        assert run.load_state()[1].passes == 1
        assert run.read_weights()
    assert [(one["from"], one["to"]) for one in run.changes] == [({"passes": 1}, {"passes": 7})]


# On another machine.


def as_from(run: Run, **changes: Any) -> Path:
    """The run as if a machine with other devices or more cores had trained it."""
    state, position = run.load_state()
    if "random.dropout" in state and "device" in changes:
        state["random.dropout"] = np.arange(16, dtype=np.uint8)  # as long as that of CUDA
    settings = replace(run.settings, **changes)
    made = create_run(Path("moved"), settings, run.data_sha256, run.machine, state)
    made.save_pass(run.read_metrics(), state)
    assert made.load_state()[1] == position
    return made.path


@pytest.mark.parametrize(
    ("variant", "engine"), [("modern+lr-decay=1.0", "eager"), ("xent", "graph")]
)
def test_a_run_goes_on_on_another_device(cli: Cli, variant: str, engine: str) -> None:
    run = open_run(train(cli, "--variant", variant, "--engine", engine))
    path = as_from(run, device="cuda:99")
    result = cli("train", "--resume", path, "--passes", 2)
    assert result.exit_code == 1
    assert result.error.startswith("device cuda:99 is not available: ")
    assert result.error.endswith(f"{path} was trained there: resume it with --device cpu")
    result = cli("train", "--resume", path, "--passes", 2, "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    words = f"{path} was trained with device cuda:99 and goes on with cpu"
    assert f"warning: {words}; results may not be bit-identical\n" in result.stderr
    moved = open_run(path)
    assert len(moved.read_metrics()) == 2
    assert (moved.settings.device, moved.settings.origins["device"]) == ("cpu", "flag")
    (change,) = moved.changes
    assert (change["pass"], change["from"]["device"], change["to"]["device"]) == (
        1,
        "cuda:99",
        "cpu",
    )
    again = cli("train", "--resume", path)
    assert (again.exit_code, "warning" in again.stderr) == (0, False)


def test_a_variable_moves_no_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = train(cli)
    monkeypatch.setenv("LECUN89_DEVICE", "cuda:99")
    monkeypatch.setenv("LECUN89_THREADS", "999")
    monkeypatch.setenv("LECUN89_PASSES", "999")
    assert cli("train", "--resume", path).exit_code == 0
    assert open_run(path).changes == ()


@pytest.mark.skipif(QUICKEST == "eager", reason="installed without a C++ compiler")
def test_a_native_run_stays_on_the_cpu(cli: Cli) -> None:
    result = cli("train", "--resume", train(cli), "--device", "cuda")
    assert result.exit_code == 2
    assert "has the native engine: it runs on the CPU alone; leave --device out, or" in result.error
    assert result.error.endswith("--device cuda --seed 1337")


def test_seeds_go_on_on_another_device(cli: Cli, eager_run: Run) -> None:
    elsewhere = replace(eager_run.settings, device="cuda:99")
    path = create_seeds(Path("runs"), elsewhere, [eager_run.settings.seed]).directory
    as_from(eager_run, device="cuda:99").rename(path / "runs" / "one")
    assert len(open_seeds(path).finished) == 1
    assert "resume it with --device cpu" in cli("train", "--resume", path).error
    result = cli("train", "--resume", path, "--device", "cpu", "--passes", 2, "--workers", 1)
    assert result.exit_code == 0, result.stderr
    assert "goes on with cpu" in result.stderr
    assert len(open_seeds(path).finished) == len(list((path / "runs").iterdir())) == 1
    assert len(open_run(path / "runs" / "one").read_metrics()) == 2


THREADS: list[tuple[str, str, int, tuple[object, ...], int, str]] = [
    (
        "more than there are",
        "eager",
        64,
        (),
        2,
        "64 is out of range: this machine has 1 to 8; moved",
    ),
    ("fewer", "eager", 64, ("--threads", 2), 0, "threads 64 and goes on with 2; results may not"),
    ("too many again", "eager", 64, ("--threads", 9), 2, "--threads 9 is out of range"),
    ("the same", "eager", 1, ("--threads", 1), 0, ""),
    ("none", "eager", 1, ("--threads", 0), 2, "--threads 0 is out of range"),
    ("native, recorded", "native", 64, (), 0, ""),
    ("native, fewer", "native", 64, ("--threads", 2), 0, ""),
    ("native, too many", "native", 1, ("--threads", 9), 2, "--threads 9 is out of range"),
    ("native, none", "native", 1, ("--threads", 0), 2, "--threads 0 is out of range"),
]


@pytest.mark.parametrize(("engine", "kept", "flags", "code", "words"), [row[1:] for row in THREADS])
def test_threads_may_be_others(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    eager_run: Run,
    engine: str,
    kept: int,
    flags: tuple[object, ...],
    code: int,
    words: str,
) -> None:
    if engine not in ("eager", QUICKEST):
        pytest.skip("installed without a C++ compiler")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    run = eager_run if engine == "eager" else open_run(train(cli))
    path = as_from(run, threads=kept)
    result = cli("train", "--resume", path, *flags)
    assert result.exit_code == code
    assert words in (result.error if code else result.stderr)
    changed = [change["to"] for change in open_run(path).changes]
    assert changed == ([{"threads": 2}] if 2 in flags else [])


@pytest.mark.skipif(QUICKEST == "eager", reason="installed without a C++ compiler")
def test_the_native_engine_goes_on_to_the_same_bits_with_other_threads(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    batches = ("--variant", "base")
    whole = open_run(train(cli, *batches, "--passes", 2))
    begun = train(cli, *batches, "--passes", 1, "--threads", 3)
    assert open_run(begun).machine["threads"] == 3
    result = cli("train", "--resume", begun, "--passes", 2, "--threads", "auto", "-q")
    assert (result.exit_code, "bit-identical" in result.stderr) == (0, False)
    found, right = (run.read_weights().arrays for run in (open_run(begun), whole))
    assert all(np.array_equal(found[name], array) for name, array in right.items())


# Which is the newest.

NEWEST = [
    ("time before seed", ["20260102T000000Z-base-1989-s1", "20260101T000000Z-base-1989-s9"]),
    ("then the seed", ["20260101T000000Z-a-1989-s10", "20260101T000000Z-b-1989-s9"]),
    ("then the number", ["20260101T000000Z-a-1989-s9-10", "20260101T000000Z-a-1989-s9-2"]),
    ("no number is the first", ["20260101T000000Z-a-1989-s9-2", "20260101T000000Z-a-1989-s9"]),
    ("a name of one's own", ["20260101T000000Z-base-1989-s1", "zzz", "best"]),
    ("in a sweep", ["20260102T000000Z-base-1989-s1", "x/runs/20260101T000000Z-base-1989-s1"]),
    ("of a sweep", ["x/runs/20260102T000000Z-base-1989-s1", "20260101T000000Z-base-1989-s1"]),
    ("other digits", ["20260101T000000Z-base-1989-s1", "٢٠٢٦٠١٠١T٠٠٠٠٠٠Z-base-1989-s1"]),
]


@pytest.mark.parametrize("names", [names for _, names in NEWEST])
@pytest.mark.parametrize("touched", ["first", "last"])
def test_the_newest_run_is_told_by_its_name(tmp_path: Path, names: list[str], touched: str) -> None:
    for age, name in enumerate(names if touched == "last" else reversed(names)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        config = tmp_path / "runs" / name / "config.json"
        config.touch()
        os.utime(config, (age, age))
    newest_last = [tmp_path / "runs" / name for name in reversed(names)]
    assert list_runs(tmp_path / "runs") == newest_last
    assert find_run(None, tmp_path / "runs") == newest_last[-1]


# Checked in and out again.


def as_git_does(path: Path) -> list[Path]:
    """Text files with the line ends of Windows, as core.autocrlf leaves them."""
    texts = [
        one
        for one in path.rglob("*")
        if one.suffix in (".json", ".jsonl", ".csv") and one.is_file()
    ]
    for one in texts:
        one.write_bytes(one.read_bytes().replace(b"\n", b"\r\n"))
    return texts


def test_runs_survive_the_line_ends_of_windows(cli: Cli) -> None:
    one, several = train(cli), train(cli, "--seeds", "1,2")
    assert len(as_git_does(one)) == 2
    assert len(as_git_does(several)) == 6
    assert cli("eval", one).exit_code == 0
    assert cli("train", "--resume", one, "--passes", 2, "-q").exit_code == 0
    assert len(open_seeds(several).finished) == 2
    as_git_does(one)
    assert len(open_run(one).read_metrics()) == 2
    assert cli("train", "--resume", several, "-q").exit_code == 0


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\r\n", b"\r\n\r\n", 1),
        lambda text: text.replace(b"\r\n", b"\r", 1),
        lambda text: text.replace(b"\r\n", b" \r\n", 1),
        lambda text: text.replace(b"1", b"2", 1),
        lambda text: text.removesuffix(b"\r\n"),
        lambda text: text.replace(b" ", b"\r\n", 1),
    ],
)
def test_any_other_byte_is_noticed(cli: Cli, name: str, change: Callable[[bytes], bytes]) -> None:
    path = train(cli, "--passes", 2)
    as_git_does(path)
    content = (path / name).read_bytes()
    (path / name).write_bytes(change(content))
    assert (path / name).read_bytes() != content
    result = cli("train", "--resume", path)
    assert result.exit_code == 1
    assert f"{name} is damaged" in result.error or f"{name} has" in result.error


# What varies in a sweep.

VARYING: list[tuple[list[str], list[str]]] = [
    (["passes=1"], ["base on 1989, seed 1337"]),
    (["seeds=1,2"], ["seed 1", "seed 2"]),
    (["lr=0.01,0.03", "seeds=1,2"], [f"lr {lr}, seed {s}" for lr in (0.01, 0.03) for s in (1, 2)]),
    (["variant=xent", "lr=0.01,0.010001"], ["lr 0.01", "lr 0.010001"]),
    (["variant=base,relu"], ["variant base", "variant relu"]),
    (["variant=sdlm", "squash=tanh,scaled"], ["squash tanh", "squash scaled"]),
    (["batch-size=1,8,full"], ["batch size 1", "batch size 8", "batch size full"]),
    (
        ["engine=eager,graph", "passes=1,2"],
        [f"passes {n}, engine {e}" for e in ("eager", "graph") for n in (1, 2)],
    ),
    (["data=1989,full", "passes=1"], ["data 1989", "data full"]),
    (["variant=base,base+half=yes"], ["half default", "half yes"]),
]


@pytest.mark.parametrize(("grid", "expected"), VARYING)
def test_a_sweep_names_what_varies(cli: Cli, grid: list[str], expected: list[str]) -> None:
    words = [word for pair in grid for word in ("--grid", pair)]
    result = cli("sweep", *words, "--dry-run")
    assert result.stdout.splitlines()[:-1] == expected
    document = cli("sweep", *words, "--dry-run", "--json").document
    assert set(document["cells"][0]) >= {"variant", "data", "seed", "lr"}


def test_lines_of_progress_name_what_varies(cli: Cli) -> None:
    grid = ("--grid", "lr=1e37,0.01", "--grid", "batch-size=full", "--grid", "passes=2")
    result = cli("sweep", *grid, "--workers", 1)
    lines = [line.partition(": ")[0] for line in result.stderr.splitlines()]
    assert lines == ["lr 1e+37", "lr 0.01", "error"]
    assert result.error.startswith("1 of 2 cells failed; lr 1e+37: pass ")


# Variables.

VARIABLES: list[tuple[dict[str, str], list[str], dict[str, object]]] = [
    ({"VARIANT": "xent", "DATA": "full"}, ["passes=1"], {"variant": "xent", "data": "full"}),
    ({"VARIANT": "xent"}, ["variant=relu"], {"variant": "relu"}),
    ({"LR": "0.5", "PASSES": "3"}, ["batch-size=8"], {"lr": 0.5, "passes": 3, "batch_size": 8}),
    (
        {"BATCH_SIZE": "full", "ENGINE": "graph"},
        ["lr=1"],
        {"batch_size": "full", "engine": "graph"},
    ),
    ({"SEED": "7"}, ["lr=1"], {"seed": 7}),
    ({"SEED": "nonsense"}, ["seeds=3"], {"seed": 3}),
    ({"DEVICE": "cpu", "THREADS": "1", "LR": ""}, ["lr=1"], {"device": "cpu", "threads": 1}),
]
BAD_VARIABLES = [
    ({"LR": "x"}, "--lr 'x' is not a number"),
    ({"PASSES": "0"}, "--passes 0 is out of range"),
    ({"SEED": "x"}, "'x' is not"),
    ({"SEED": "0..9"}, "--seed '0..9' is not a whole number"),
    ({"VARIANT": "bas"}, "did you mean 'base'"),
    ({"ENGINE": "warp"}, "unknown engine 'warp'"),
    ({"DEVICE": "cuda:99"}, "device cuda:99 is not available"),
    ({"THREADS": "x"}, "--threads 'x' is neither a whole number nor auto"),
    ({"THREADS": "100000"}, "--threads 100000 is out of range"),
]


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"LECUN89_{name}", value)


@pytest.mark.parametrize(("variables", "grid", "expected"), VARIABLES)
def test_a_sweep_heeds_the_variables_of_train(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    grid: list[str],
    expected: dict[str, object],
) -> None:
    set_variables(monkeypatch, variables)
    words = [word for pair in grid for word in ("--grid", pair)]
    (cell,) = cli("sweep", *words, "--dry-run", "--json").document["cells"]
    assert {name: cell[name] for name in expected} == expected


@pytest.mark.parametrize(("variables", "words"), BAD_VARIABLES)
def test_a_sweep_refuses_the_variables_that_train_does(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    set_variables(monkeypatch, variables)
    for line in (("train", "--dry-run"), ("sweep", "--grid", "batch-size=1", "--dry-run")):
        result = cli(*line)
        assert result.exit_code == (1 if "DEVICE" in variables else 2)
        assert words in result.error


def test_a_sweep_tells_where_its_values_are_from(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {"BATCH_SIZE": "full", "PASSES": "1"})
    assert cli("sweep", "--grid", "lr=0.02", "--workers", 1).exit_code == 0
    (run,) = Path("sweep/runs").iterdir()
    origins = open_run(run).settings.origins
    assert [origins[name] for name in ("batch_size", "passes", "lr", "seed", "variant")] == [
        *("environment", "environment", "sweep", "sweep", "default"),
    ]


def test_a_ladder_heeds_them_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch, {"BATCH_SIZE": "full", "PASSES": "1", "VARIANT": "relu", "SEED": "9"}
    )
    result = cli("ladder", "--variants", "base", "--seeds", "0,1", "--workers", 1)
    assert result.exit_code == 0, result.stderr
    settings = [open_run(run).settings for run in Path("ladder/runs").iterdir()]
    assert {(one.variant, one.passes, one.batch_size) for one in settings} == {("base", 1, None)}
    assert {one.seed for one in settings} == {0, 1}


def test_a_variable_names_the_network_of_a_file_that_does_not(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    path = train(cli)
    arrays = open_run(path).read_weights().arrays
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, "model.pt")
    assert "give --variant" in cli("eval", "model.pt").error
    monkeypatch.setenv("LECUN89_VARIANT", "xent")
    assert cli("eval", path, "--json").document["variant"] == "base"
    assert cli("eval", "model.pt", "--json").document["variant"] == "xent"
    assert cli("eval", "model.pt", "--variant", "base", "--json").document["variant"] == "base"
    assert cli("export", "model.pt", "--format", "safetensors").exit_code == 0
    assert "--variant xent conflicts with" in cli("eval", path, "--variant", "xent").error
