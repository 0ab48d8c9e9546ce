"""The engines and commands on a simulated accelerator: see tests/fakedevice.py."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines import Engine, make_engine
from lecun89.exceptions import DeviceError, DivergedError
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.modules import make_network
from lecun89.settings import Settings
from lecun89.training.loop import fit
from lecun89.variants import VARIANTS, get_variant
from tests import fakedevice as simulated
from tests.conftest import GPU, Result, first
from tests.engines.test_graph import TAUGHT
from tests.engines.test_graph import taught as taught  # a fixture

pytestmark = pytest.mark.simulated


@pytest.fixture(autouse=True)
def _set_up() -> None:
    devices.set_up(GPU, 1)


def same(ours: Engine, theirs: Engine) -> bool:
    """Whether two engines hold the same bits."""
    pairs = zip(ours.states(), theirs.states(), strict=True)
    return all(
        np.array_equal(array, other[key]) for one, other in pairs for key, array in one.items()
    )


def advance(engine: Engine, number: int, lrs: Sequence[float], steps: int) -> None:
    engine.begin_pass(number, lrs)
    engine.run_steps(0, min(steps, engine.steps_per_pass))
    engine.end_pass()


QUICK = [
    *(("base", 1, 3), ("modern", 64, 2), ("fast", 64, 2), ("record", 64, 2)),
    *(("base", 600, 1), (TAUGHT, 600, 1)),
]
ONE_BY_ONE = [
    *(("paper", 1, 3), ("sdlm+curvature=by-pass", 1, 2), ("fc40", 1, 2)),
    *(("modern+planes=4", 1, 2), ("base+table=cyclic", 1, 2)),
    ("sdlm+dropout=0.2+dropout-after=H2", 1, 2),
]
MATRIX = [
    pytest.param(*case, marks=[] if case in QUICK else [pytest.mark.slow])
    for name in ("base", "modern", "fast", "record", TAUGHT)
    for case in ((name, 1, 3), (name, 64, 2), (name, 600, 1))
]


@pytest.mark.parametrize(("name", "batch_size", "networks"), [*MATRIX, *ONE_BY_ONE])
def test_captured_steps_are_the_cpus_to_the_bit_and_wait_for_nothing(
    name: str, batch_size: int, networks: int, taught: dict[str, Digits]
) -> None:
    variant = get_variant(name).on("1989")
    ours, cpus = (
        make_engine("graph", variant, range(networks), taught, device=device, batch_size=batch_size)
        for device in (GPU, "cpu")
    )
    lrs = [variant.lr * (1 + n) for n in range(networks)]
    for number in (1, 2):
        for engine in (ours, cpus):
            with simulated.counting() as waits:
                engine.begin_pass(number, lrs)
            begun = dict(waits)
            with simulated.counting() as waits:
                engine.run_steps(0, min(19, engine.steps_per_pass))
            assert not waits
            # Learning rates and corrections go to the device, orders, and what a teacher says.
            assert sum(begun.values()) <= 2 + variant.shuffle + variant.teacher
            engine.end_pass()
        assert same(ours, cpus)
        assert ours.is_finite() == [True] * networks
    for split in ("train", "test"):
        for a, b in zip(ours.scores(split), cpus.scores(split), strict=True):
            assert a.misses == b.misses
            assert a.loss == pytest.approx(b.loss, rel=1e-5)


@pytest.mark.parametrize("name", ["modern", "record"])
def test_a_state_goes_on_where_it_was(name: str, few: dict[str, Digits]) -> None:
    variant = VARIANTS[name]
    digits = {split: first(of, 80) for split, of in few.items()}
    whole, resumed, cpus = (
        make_engine("graph", variant, range(2), digits, device=device, batch_size=8)
        for device in (GPU, GPU, "cpu")
    )
    lrs = [variant.lr] * 2
    for engine in (whole, cpus):
        advance(engine, 1, lrs, 10)
        engine.begin_pass(2, lrs)
        engine.run_steps(0, 3)
    resumed.load_states(cpus.states())
    resumed.begin_pass(2, lrs)
    for engine in (whole, resumed):
        engine.run_steps(3, 8)
    assert same(whole, resumed)


def test_steps_of_the_eager_engine_wait_for_nothing(few: dict[str, Digits]) -> None:
    for name in ("base", "modern", "record"):
        variant = VARIANTS[name]
        engine = make_engine("eager", variant, [1], few, device=GPU, batch_size=64)
        engine.begin_pass(1, [variant.lr])
        engine.run_steps(0, 2)
        with simulated.counting() as waits:
            engine.begin_pass(2, [variant.lr])
        assert sum(waits.values()) <= 1, name  # shifts, or the order
        with simulated.counting() as waits:
            engine.run_steps(0, 6)
        assert not waits, name


def test_record_is_the_cpus(few: dict[str, Digits]) -> None:
    variant = get_variant("record+teacher=no").on("1989")
    engines = [
        make_engine("eager", variant, [1], few, device=device, batch_size=16)
        for device in (GPU, "cpu")
    ]
    for engine in engines:
        for number in (1, 2):
            advance(engine, number, [variant.lr], 5)
    ours, cpus = (engine.states()[0] for engine in engines)
    for key in PARAMETER_SHAPES:  # PyTorch's AdamW sums in another order on a GPU
        np.testing.assert_allclose(ours[key], cpus[key], rtol=0, atol=1e-5)


def test_one_that_diverges_leaves_the_others_alone(
    few: dict[str, Digits], settings: Callable[..., Settings]
) -> None:
    trainings = [
        settings(variant="xent", seed=seed, lr=lr, passes=2, engine="graph", device=GPU)
        for seed, lr in ((1, 0.01), (2, 1e38))
    ]
    engine = make_engine("graph", VARIANTS["xent"], [1, 2], few, device=GPU, batch_size=200)
    alone = make_engine("graph", VARIANTS["xent"], [1], few, device="cpu", batch_size=200)
    first, second = fit(engine, trainings)
    for number in (1, 2):
        advance(alone, number, [0.01], 3)
    assert isinstance(first[1], DivergedError)
    assert second[0].test.misses == alone.scores("test")[0].misses  # type: ignore[union-attr]


def _train_a_little(few: dict[str, Digits], engine: str) -> None:
    digits = {split: first(of, 64) for split, of in few.items()}
    made = make_engine(engine, VARIANTS["base"], [1], digits, device=GPU, batch_size=32)
    with devices.telling_out_of_memory(GPU):
        advance(made, 1, [0.03], 1)
        made.is_finite()
        made.scores("test")
        made.states()


@pytest.mark.parametrize("engine", ["graph", "eager"])
def test_memory_that_runs_out_anywhere_is_one_line(engine: str, few: dict[str, Digits]) -> None:
    before = simulated.State.allocations
    _train_a_little(few, engine)
    total = simulated.State.allocations - before
    failed = 0
    for number in range(1, total, 1 + total // 15):
        with simulated.failing_allocation(number):
            try:
                _train_a_little(few, engine)
            except DeviceError as error:
                failed += 1
                assert "out of memory" in str(error)
                assert "lower --batch-size" in str(error)
    assert failed >= 10  # the others were evaluations, which go on in smaller chunks
    _train_a_little(few, engine)


BROKEN = {
    "too old": "CUDA error: no kernel image is available for execution on the device\nSearch for",
    "busy": "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
    "no memory": "CUDA error: out of memory",
    "no cuBLAS": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """A device that is listed, and on which every kernel fails."""
    devices._probe.cache_clear()
    monkeypatch.setattr(simulated.State, "broken", RuntimeError(request.param))
    yield request.param.partition("\n")[0]
    devices._probe.cache_clear()


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN), indirect=True)
def test_a_device_that_cannot_be_used_disturbs_nobody(
    cli: Callable[..., Result], broken: str
) -> None:
    result = cli("eval", "record")
    assert result.exit_code == 0
    assert f"{GPU} cannot be used: {broken}" in result.stderr
    states = {one["name"]: one for one in cli("doctor", "--json").document["devices"]}
    assert states[GPU]["available"] is False
    assert states[GPU]["detail"] == broken
    refused = cli("eval", "record", "--device", GPU)
    assert refused.exit_code == 1
    assert refused.error.startswith(f"device {GPU} is not available: {broken}")


class _Here:
    """Workers in this process, which has the device."""

    def __init__(self, work: Any) -> None:
        self.capacity, self._work = 1, work

    def submit(self, cells: Any, begun: Any) -> "Future[Any]":
        from lecun89.data import load_training
        from lecun89.sweeps.work import train_on_disk

        splits = {
            name: load_training(name, of, self._work.directory)
            for name, of in self._work.variants.items()
        }
        done: Future[Any] = Future()
        done.set_result(
            train_on_disk(
                cells,
                splits,
                begun,
                self._work.runs_dir,
                checkpoint_seconds=60,
                stop_signal=lambda: None,
                on_progress=lambda position: None,
            )
        )
        return done

    def progress(self) -> float:
        return 0.0


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps train in this process."""

    @contextmanager
    def pool(workers: int, work: Any) -> Iterator[_Here]:
        assert workers == 1  # on one device there is one
        yield _Here(work)

    monkeypatch.setattr("lecun89.sweeps.pools.local_pool", pool)


@pytest.mark.usefixtures("workers_here")
def test_whole_commands(cli: Callable[..., Result]) -> None:
    flags = ("--batch-size", 512, "--passes", 1, "--json", "-q")
    ours, cpus = (
        cli("train", *flags, "--engine", "graph", "--device", device).document
        for device in (GPU, "cpu")
    )
    assert ours["splits"]["test"]["misses"] == cpus["splits"]["test"]["misses"]
    seeds = cli("train", *flags, "--device", GPU, "--seeds", "1337,1").document
    assert seeds["runs"][0]["splits"]["test"]["misses"] == ours["splits"]["test"]["misses"]
    run = ours["run"]
    assert cli("eval", run, "--device", GPU, "--json").document["run"] == run
    found = [  # of a network that misses few digits, for each is drawn
        cli("errors", "record", "--device", device, "--json").document["misses"]
        for device in (GPU, "cpu")
    ]
    assert [one["index"] for one in found[0]] == [one["index"] for one in found[1]]
    states = {one["name"]: one for one in cli("doctor", "--json").document["devices"]}
    assert states[GPU] == {"name": GPU, "available": True, "detail": "simulated accelerator"}


@pytest.mark.slow
def test_bench_measures_every_configuration(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lecun89.bench import session
    from lecun89.bench.configurations import list_configurations

    found, absent = list_configurations(GPU)
    assert {(of.engine, of.batch_size) for of in found} >= {
        *(("graph", 1), ("graph", 64), ("graph", 512), ("graph", None), ("eager", 1))
    }
    cheap = [of for of in found if of.batch_size == 64 and of.networks == 1]
    monkeypatch.setattr(session, "list_configurations", lambda device: (cheap, absent))
    monkeypatch.setattr(session, "QUICK_SECONDS", 0.1)
    document = cli("bench", "--quick", "--device", GPU, "--json", "-q").document
    assert len(document["rows"]) == len(cheap)
    assert document["machine"]["gpu"] == "simulated accelerator"
    text = cli("bench", "--quick", "--device", GPU, "-q").stdout
    assert "simulated accelerator" in text.splitlines()[0]


def test_what_is_listed_has_parameters_on_it() -> None:
    """The simulation itself: what CUDA refuses, it refuses."""
    a = torch.ones(3, device=GPU)
    with pytest.raises(RuntimeError, match="same device"):
        a + torch.ones(3)
    with simulated.counting() as waits:
        float(a.sum())
    assert sum(waits.values()) == 1
    assert torch.empty(3, device=GPU).isnan().all()
    network = make_network(VARIANTS["base"], torch.Generator()).to(GPU)
    assert {p.device for p in network.parameters()} == {torch.device(GPU)}
