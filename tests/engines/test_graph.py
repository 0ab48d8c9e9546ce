"""The graph engine; without CUDA the same code runs operation by operation."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lecun89 import devices
from lecun89.data import Digits, make_labels
from lecun89.engines import choose
from lecun89.engines import make_engine as make_engines
from lecun89.engines.draws import draw_kept, draw_shifts, philox
from lecun89.engines.eager import EagerEngine, roll
from lecun89.engines.graph import GraphEngine
from lecun89.engines.stacked import PIXELS, losses, split, with_background
from lecun89.engines.stackedlayers import STACKED
from lecun89.engines.stackedoptimizers import curvature
from lecun89.exceptions import DeviceError, DivergedError, FileFormatError, InterruptedRunError
from lecun89.network import sdlm
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import Network, make_network
from lecun89.network.structures import structure_of
from lecun89.settings import Settings, engine_of
from lecun89.training import checkpointing
from lecun89.training.loop import PassResult, fit
from lecun89.training.runs import Run, create_run
from lecun89.variants import VARIANTS, get_variant
from tests.alone import made, make_engine
from tests.conftest import GPU, OF_1989, UNDISTORTED, Result, first

ONE_BY_ONE = [name for name, of in VARIANTS.items() if of.optimizer == "sdlm"]


def number(value: int) -> torch.Tensor:
    return torch.tensor(value)


@pytest.mark.parametrize(
    "name",
    [
        *(*UNDISTORTED, "fc40", "base+table=cyclic", "paper+planes=4+target=0.6"),
        *("base+planes=24", "modern+planes=5", "modern+planes=3+table=cyclic"),
    ],
)
def test_outputs_and_gradients_are_the_networks_in_float64(
    name: str, splits: dict[str, Digits]
) -> None:
    variant, digits = get_variant(name), splits["train"]
    stacked = STACKED[variant.structure](variant, torch.device("cpu"))
    networks = [make_network(variant, torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    random = torch.Generator().manual_seed(0)
    for network in networks:
        network.double()
        for parameter in network.parameters():  # none of the biases 0
            noise = torch.randn(parameter.shape, generator=random, dtype=torch.float64)
            parameter.data += 0.1 * noise
    flat = torch.stack([torch.cat([p.flatten() for p in n.parameters()]) for n in networks])
    parts = split(flat.detach(), stacked.shapes)
    leaves = {key: view.clone().requires_grad_() for key, view in parts.items()}
    images = torch.tensor(digits.images[:6]).double()
    labels = torch.tensor(digits.labels[:6]).long()
    shifts = torch.randint(-1, 2, (2, 6, 2), generator=random)
    rolls = (shifts[:, :, 0] + 1) * 3 + shifts[:, :, 1] + 1
    taps = stacked.taps(1)[rolls]
    windows = with_background(images).view(-1)[torch.arange(6)[:, None] * PIXELS + taps]
    units = 16 * variant.planes if variant.dropout_after == "H2" else 30
    mask = (torch.rand(2, 6, units, generator=random) < 0.7).double() / 0.7
    laid_out = stacked.laid_out(mask) if variant.dropout else None
    outputs = stacked.activations(leaves, windows, laid_out)["out"]
    one_hot = torch.nn.functional.one_hot(labels, 10).double()
    squared = variant.loss != "cross_entropy"
    goals = (one_hot * 2 - 1) * variant.target if squared else one_hot
    gradients = torch.autograd.grad(
        losses(variant, outputs, goals).mean(dim=1).sum(), list(leaves.values())
    )
    for index, network in enumerate(networks):
        kept = mask[index].view(6, -1, 4, 4) if variant.dropout_after == "H2" else mask[index]
        theirs = network(roll(images[:, None], shifts[index]), kept if variant.dropout else None)
        assert torch.allclose(outputs[index], theirs, rtol=1e-12, atol=1e-12)
        goal = goals if squared else targets(labels, variant)
        LOSSES[variant.loss](theirs, goal).backward()
        for found, (key, parameter) in zip(gradients, network.named_parameters(), strict=True):
            assert parameter.grad is not None
            assert torch.allclose(found[index], parameter.grad, rtol=1e-10, atol=1e-12), key


def test_words_are_philox() -> None:
    zero = torch.zeros(1, dtype=torch.int64)
    # Known answer of the authors' library (Random123, kat_vectors).
    words = [int(word) for word in philox(zero, number(0), zero, zero)]
    assert words == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("name", ["modern", "modern-h3"])
def test_shifts_and_masks_are_the_native_engines(name: str) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    from lecun89.engines.native import make_network

    variant = VARIANTS[name]
    seeds, examples = torch.tensor([3, 2**32 - 1]), torch.arange(50, 90)
    shifts = draw_shifts(variant.shift, seeds, number(7), examples)
    kept = draw_kept(variant, seeds, number(7), examples)
    for index, seed in enumerate(seeds.tolist()):
        theirs, masks = make_network(variant, seed).draws(7, 50, 90)
        assert np.array_equal(shifts[index].numpy(), theirs)
        assert np.array_equal(kept[index].numpy(), masks > 0)


def advance(engine: Any, passes: Sequence[int], lr: Any, steps: int | None = None) -> None:
    for at in passes:
        engine.begin_pass(at, lr)
        engine.run_steps(0, steps or engine.steps_per_pass)
        engine.end_pass()


@pytest.mark.parametrize("name", ["base", "adamw"])
def test_it_trains_as_the_eager_engine_does(
    name: str, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    # Eight steps, the last of 123 examples.
    of = settings(variant=name, lr=VARIANTS[name].lr, batch_size=1024)
    ours, eager = made(GraphEngine, of, splits), made(EagerEngine, of, splits)
    for engine in (ours, eager):
        advance(engine, (1, 2), of.lr)
    found, right = ours.state(), eager.state()
    for key in PARAMETER_SHAPES:
        assert np.abs(found[key] - right[key]).max() <= 1e-4, key
    for part in ("train", "test"):
        assert ours.score(part).loss == pytest.approx(eager.score(part).loss, rel=1e-4)
        assert abs(ours.score(part).misses - eager.score(part).misses) <= 2


@pytest.mark.parametrize(
    "name",
    [
        *("sdlm", "paper", "paper+curvature=by-pass", "fc40", "fc40+curvature=by-pass"),
        *("paper+planes=4", "sdlm+planes=8+table=cyclic", "paper+target=0.6", "base+target=0.6"),
    ],
)
def test_one_digit_at_a_time_is_the_eager_engines(name: str, few: dict[str, Digits]) -> None:
    variant = get_variant(name)
    lrs = [variant.lr, variant.lr / 2]
    ours = make_engines("graph", variant, (1, 2), few)
    advance(ours, (1, 2), lrs, steps=30)
    for seed, lr, state, score in zip((1, 2), lrs, ours.states(), ours.scores("test"), strict=True):
        eager = make_engines("eager", variant, [seed], few)
        advance(eager, (1, 2), [lr], steps=30)
        (right,) = eager.states()
        for key, array in state.items():
            if key in right:  # what the optimizer keeps, too, but for the number of steps
                assert np.abs(array - right[key]).max() <= 1e-5 * max(1, np.abs(array).max()), key
        assert score.loss == pytest.approx(eager.scores("test")[0].loss, rel=1e-5)


@pytest.mark.parametrize("layer", ["H2", "H3"])
def test_the_curvature_of_dropped_units_is_pytorchs(layer: str, few: dict[str, Digits]) -> None:
    variant = get_variant(f"sdlm+dropout=0.3+dropout-after={layer}")
    network = Network(variant, torch.Generator().manual_seed(1)).double()
    images = torch.tensor(few["train"].images[:1, None]).double()
    mask = torch.full(network.dropout_shape(1), 1 / 0.7).double()
    mask.view(-1)[::3] = 0
    stacked = STACKED["1989"](variant, torch.device("cpu"))
    p = {key: value.detach()[None] for key, value in network.named_parameters()}
    windows = with_background(images[:, 0])[:, stacked.taps(0)[0]]
    kept = stacked.laid_out(mask.view(1, 1, -1))
    values = stacked.activations(p, windows[None], kept)
    found = curvature(stacked, variant, p, windows[None], values, kept)[0]
    right = sdlm.curvature(network, variant, images, mask)
    assert torch.allclose(found, torch.cat([of.flatten() for of in right.values()]), rtol=1e-10)


def test_it_draws_and_trains_as_the_native_engine_does(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    of = settings(variant="shift", lr=3e-4, batch_size=1024)
    engines = [make_engine(replace(of, engine=name), splits) for name in ("graph", "native")]
    for engine in engines:
        advance(engine, (1, 2), of.lr)
    ours, right = (engine.state() for engine in engines)
    assert ours.keys() == right.keys()
    for key in ours:
        assert np.abs(ours[key] - right[key]).max() <= 1e-4, key


TAUGHT = "record+teacher=yes"


@pytest.fixture(scope="session")
def taught(few: dict[str, Digits]) -> dict[str, Digits]:
    """Few digits, of which a teacher says something."""
    logits = np.random.RandomState(3).normal(0, 2, (2, 600, 10)).astype(np.float16)
    soft = make_labels(99, get_variant(TAUGHT).on("1989").distortions, logits)
    return few | {"train": replace(few["train"], soft=soft)}


@pytest.mark.parametrize("name", ["record", TAUGHT, "modern-h3+shuffle=yes+weight-decay=0.2"])
def test_it_presents_a_pass_as_the_native_engine_does(name: str, taught: dict[str, Digits]) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    variant, seeds = get_variant(name).on("1989"), (5, 2**32 - 1)
    ours = make_engines("graph", variant, seeds, taught, batch_size=64)
    advance(ours, (1, 2), [3e-4] * 2)  # the last step of each is of 24 digits
    for seed, state in zip(seeds, ours.states(), strict=True):
        native = make_engines("native", variant, [seed], taught, batch_size=64)
        advance(native, (1, 2), [3e-4])
        (right,) = native.states()
        for key, array in state.items():
            assert np.abs(array - right[key]).max() <= 1e-4, key


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [("modern-h3", 64), ("record", 64), ("paper", 1), ("sdlm+curvature=by-pass", 1), ("fc40", 1)],
)
def test_networks_side_by_side_are_each_as_alone(
    name: str, batch_size: int, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    trainings = [
        settings(variant=name, seed=seed, lr=lr, batch_size=batch_size, engine="graph")
        for seed, lr in ((1, 1e-3), (2, 3e-3), (3, 1e-4))
    ]
    together = engine_of(trainings, splits)
    advance(together, (1,), [of.lr for of in trainings], steps=20)
    for of, state in zip(trainings, together.states(), strict=True):
        alone = make_engine(of, splits)
        advance(alone, (1,), of.lr, steps=20)
        for key, array in alone.state().items():
            assert np.abs(array - state[key]).max() <= 1e-4, key
    assert not np.allclose(together.states()[0]["outw"], together.states()[1]["outw"])


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        *(("modern", 8), ("record", 8), ("paper", 1), ("sdlm+curvature=by-pass", 1)),
        ("paper+planes=4", 1),
    ],
)
def test_going_on_within_a_pass_gives_the_same_bits(
    name: str, batch_size: int, settings: Callable[..., Settings], few: dict[str, Digits]
) -> None:
    of = settings(variant=name, lr=3e-4, batch_size=batch_size, engine="graph")
    splits = {split: first(digits, 60) for split, digits in few.items()}
    whole = make_engine(of, splits)
    advance(whole, (1,), of.lr)
    whole.begin_pass(2, of.lr)
    whole.run_steps(0, 3)
    resumed = make_engine(of, splits)
    resumed.load_state(whole.state())
    resumed.begin_pass(2, of.lr)
    for engine in (whole, resumed):
        engine.run_steps(3, 6)
    ours, right = resumed.state(), whole.state()
    assert int(right["optimizer.step"]) == whole.steps_per_pass + 6
    assert all(np.array_equal(ours[key], right[key]) for key in right)


def test_states_that_are_not_equally_far_are_refused(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = [settings(variant="adamw", seed=seed, engine="graph") for seed in (1, 2)]
    networks = engine_of(of, splits)
    states = list(networks.states())
    states[1]["optimizer.step"] = np.array(5, np.int64)
    with pytest.raises(FileFormatError, match="different numbers of steps"):
        networks.load_states(states)
    with pytest.raises(FileFormatError, match="optimizer"):
        networks.load_states([make_engine(settings(engine="graph"), splits).state()] * 2)


def test_a_device_that_computes_otherwise_is_refused(
    settings: Callable[..., Settings], splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    of = settings(engine="graph")
    engine = made(GraphEngine, of, splits)
    engine._check(of.seed, splits["test"])
    engine._pixels["test"] = engine._pixels["test"] * 0.99
    with pytest.raises(DeviceError, match="disagrees with the CPU"):
        engine._check(of.seed, splits["test"])


def test_one_that_diverges_leaves_the_others_alone(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    trainings = [
        settings(variant="xent", seed=seed, lr=lr, batch_size=2048, passes=2, engine="graph")
        for seed, lr in ((1, 0.01), (2, 1e38))
    ]
    first, second = fit(engine_of(trainings, splits), trainings)
    assert isinstance(first[0], PassResult)
    assert isinstance(second[0], PassResult)
    assert second[0].test.loss < first[0].test.loss
    assert isinstance(first[1], DivergedError)
    assert second[1] is first[1]
    assert "lower --lr, which was 1e+38" in str(first[1])


@pytest.fixture
def runs(
    settings: Callable[..., Settings], splits: dict[str, Digits], tmp_path: Path
) -> Callable[..., list[Run]]:
    """Fresh runs, one for each seed."""

    def make(*seeds: int, **changes: Any) -> list[Run]:
        found = []
        for seed in seeds:
            of = settings(
                **{"batch_size": 2048, "passes": 2, "engine": "graph", "seed": seed} | changes
            )
            sha256 = {name: digits.sha256 for name, digits in splits.items()}
            state = make_engine(of, splits).state()
            found.append(create_run(tmp_path, of, sha256, {}, state))
        return found

    return make


def train(runs: Sequence[Run], splits: dict[str, Digits], **more: Any) -> list[Any]:
    engine = engine_of([run.settings for run in runs], splits)
    return list(checkpointing.train(runs, engine, **more))


def test_interrupted_runs_resume_to_the_same_bits(
    runs: Callable[..., list[Run]], splits: dict[str, Digits]
) -> None:
    whole, stopped = runs(1, 2), runs(1, 2)
    assert len(train(whole, splits)) == 2
    asked = iter([None, None, 2])
    with pytest.raises(InterruptedRunError, match="interrupted in pass 1 after step 2 of 4"):
        train(stopped, splits, stop_signal=lambda: next(asked, 2))
    # One of them goes on alone, so that it is ahead of the others.
    train(stopped[:1], splits)
    with pytest.raises(FileFormatError, match="not equally far"):
        train(stopped, splits)
    train(stopped[1:], splits)
    for one, other in zip(whole, stopped, strict=True):
        right, ours = one.load_state()[0], other.load_state()[0]
        assert all(np.abs(right[key] - ours[key]).max() <= 1e-6 for key in right)
        assert [r.test for r in one.read_metrics()] == [r.test for r in other.read_metrics()]


def test_a_run_that_diverges_keeps_its_last_state(
    runs: Callable[..., list[Run]], splits: dict[str, Digits]
) -> None:
    both = runs(1) + runs(2, lr=1e38)
    for fine, diverged in train(both, splits):
        assert isinstance(fine, PassResult)
        assert isinstance(diverged, DivergedError)
    assert len(both[0].read_metrics()) == 2
    assert both[1].read_metrics() == []
    state, position = both[1].load_state()
    assert (position.passes, position.step) == (0, 0)
    assert all(np.isfinite(array).all() for array in state.values())


def test_passes_of_many_networks_are_not_each_saved(
    runs: Callable[..., list[Run]], splits: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save_pass = Run.save_pass

    def count(run: Run, results: list[PassResult], *more: Any) -> None:
        saved.append((run.settings.seed, len(results)))
        save_pass(run, results, *more)

    monkeypatch.setattr(Run, "save_pass", count)
    monkeypatch.setattr(checkpointing, "SAVE_SECONDS", 3600)
    train(runs(1, 2, passes=3), splits)
    assert saved == [(1, 1), (2, 1), (1, 3), (2, 3)]


def test_train_takes_it_for_several_seeds(cli: Callable[..., Result]) -> None:
    flags = ("--engine", "graph", "--batch-size", 2048, "--passes", 1)
    document = cli("train", *flags, "--seeds", "0..2", "--json", "-q").document
    assert [run["seed"] for run in document["runs"]] == [0, 1, 2]
    config = json.loads((Path(document["runs"][0]["run"]) / "config.json").read_text())
    assert config["settings"]["engine"] == {"value": "graph", "origin": "flag"}
    one = cli("train", *flags, "--seed", 1, "--json", "-q").document
    found = document["runs"][1]["splits"]["test"]
    assert found["loss"] == pytest.approx(one["splits"]["test"]["loss"], rel=1e-5)


def test_it_is_chosen_on_cuda(settings: Callable[..., Settings]) -> None:
    for name, batch_size in (("base", 1), ("base", 64), ("base", None), ("record", 32)):
        of = settings(variant=name, engine="auto", device="cuda:0", batch_size=batch_size)
        assert choose(of.engine, of.trained, of.device).engine == "graph"


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        *product((*(name for name in OF_1989 if name not in ONE_BY_ONE), TAUGHT), (1, 100, 600)),
        *((name, 1) for name in (*ONE_BY_ONE, "paper+curvature=by-pass", "base+planes=4")),
    ],
)
def test_a_captured_step_is_the_cpus(name: str, batch_size: int, taught: dict[str, Digits]) -> None:
    variant, networks = get_variant(name).on("1989"), 2
    devices.set_up(GPU, 1)
    engines = [
        GraphEngine(variant, range(networks), taught, device=device, batch_size=batch_size)
        for device in ("cpu", GPU)
    ]
    names = list(structure_of(variant).shapes)
    before = np.concatenate([engines[0].states()[0][key].ravel() for key in names])
    for engine in engines:
        # Sixteen steps in one replay and two single ones; two passes, so that draws are replayed.
        advance(engine, (1, 2), [variant.lr] * networks, steps=min(engine.steps_per_pass, 18))
    right, ours = (
        np.concatenate([engine.states()[0][key].ravel() for key in names]) for engine in engines
    )
    moved = np.linalg.norm(right - before)
    assert moved > 0
    assert np.linalg.norm(ours - right) <= 0.05 * moved


@pytest.mark.gpu
def test_hundreds_of_networks_on_a_gpu_are_each_as_alone(few: dict[str, Digits]) -> None:
    devices.set_up(GPU, 1)
    together = GraphEngine(VARIANTS["base"], range(256), few, device=GPU)
    advance(together, (1,), [0.03] * 256, steps=40)
    states = together.states()
    for index in (0, 100, 255):
        alone = GraphEngine(VARIANTS["base"], [index], few, device=GPU)
        advance(alone, (1,), [0.03], steps=40)
        for key, array in alone.states()[0].items():
            assert np.abs(array - states[index][key]).max() <= 1e-4, key
