"""The kernel against PyTorch, on every instruction set of this machine."""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import product
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch import Tensor

from lecun89.analysis.evaluation import evaluate
from lecun89.analysis.statistics import student95, summarise
from lecun89.data import Digits
from lecun89.engines import EngineChoice, choose, list_engines, native
from lecun89.engines import make_engine as make_engines
from lecun89.engines.eager import EagerEngine, roll
from lecun89.engines.parameters import by_name, flatten
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.initialization import initial_parameters
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import Network, network_of
from lecun89.network.weights import Weights
from lecun89.settings import Settings
from lecun89.training.loop import Position
from lecun89.variants import VARIANTS, Variant, get_variant
from tests.alone import Alone, fit, made, make_engine
from tests.conftest import OF_1989, ROOT, UNDISTORTED

kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")

INSTRUCTION_SETS = kernel.instruction_sets()


def mask_of(variant: Variant, masks: np.ndarray[Any, Any]) -> Tensor | None:
    if not variant.dropout:
        return None
    shape = (-1, 12, 4, 4) if variant.dropout_after == "H2" else (-1, 30)
    return torch.from_numpy(masks).reshape(shape)


class ReplayingEngine(EagerEngine):
    """The eager engine with the native engine's shifts and masks."""

    def __init__(self, *args: Any, draws: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.draws = draws

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        super().begin_pass(number, lrs)
        shifts, self.masks = self.draws(number, 0, self.steps_per_pass)
        if self._variant.shift:
            self._pass_images = roll(self._images["train"], torch.from_numpy(shifts))

    def run_steps(self, first: int, last: int) -> None:
        for step in range(first, last):
            self.step = step
            super().run_steps(step, step + 1)

    def _mask(self, examples: int) -> Tensor | None:
        return mask_of(self._variant, self.masks[self.step : self.step + 1])


@pytest.mark.parametrize("on", INSTRUCTION_SETS)
@pytest.mark.parametrize(
    "name",
    [
        *(*UNDISTORTED, "modern+activation=gelu", "modern-h3+activation=silu"),
        *("base+target=0.6", "paper+target=1.7"),
    ],
)
def test_gradients_are_those_of_autograd_in_float64(
    name: str, on: str, splits: dict[str, Digits]
) -> None:
    variant, digits = get_variant(name), splits["train"]
    network = native.make_network(variant, 5, optimizer="none", on=on)
    # Weights from within a training: larger, and none of the biases 0.
    random = np.random.RandomState(0)
    parameters = initial_parameters(variant, 5)
    for array in parameters.values():
        array += random.normal(0, 0.1, array.shape).astype(np.float32)
    network.set("weights", flatten(parameters))
    oracle = Network(variant, torch.Generator()).double()
    oracle.load_state_dict({key: torch.from_numpy(value) for key, value in parameters.items()})
    bound = kernel.Digits(digits.images, digits.labels)
    shifts, masks = network.draws(3, 0, 40)
    for example in range(40):
        network.train(bound, 3, example, example + 1, 1.0)
        found = by_name(network.get("gradient"))
        image = torch.from_numpy(digits.images[[example], None].astype(np.float64))
        image = torch.roll(image, tuple(shifts[example].tolist()), (2, 3))
        label = torch.tensor(digits.labels[[example]].astype(np.int64))
        mask = mask_of(variant, masks[[example]].astype(np.float64))
        oracle.zero_grad()
        goal = targets(label, variant)
        goal = goal if variant.loss == "cross_entropy" else goal.double()
        LOSSES[variant.loss](oracle(image, mask), goal).backward()
        for key, parameter in oracle.named_parameters():
            assert parameter.grad is not None
            right = parameter.grad.numpy()
            difference = np.abs(found[key] - right).max() / np.abs(right).max()
            assert difference <= 1e-5, (key, example)
    assert np.array_equal(network.get("weights"), flatten(parameters))


def chosen(of: Settings) -> EngineChoice:
    return choose(of.engine, of.trained, of.device)


def as_eager_state(engine: Alone, eager: Alone) -> dict[str, Any]:
    state = engine.state()
    step = state.pop("optimizer.step", None)
    if engine._variant.optimizer == "adamw":
        state |= {f"optimizer.{name}.step": np.float32(step) for name in PARAMETER_SHAPES}
    return eager.state() | state


@pytest.mark.parametrize("steps", [300, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OF_1989)
def test_steps_are_those_of_the_eager_engine(
    name: str, steps: int, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    """AdamW here is torch.optim.AdamW, which the eager engine uses.

    Where a unit of ReLU that hardly ever fires is within a rounding of 0, one engine moves it and
    the other does not: PyTorch in float32 and in float64 part there just so. With ReLU, therefore,
    both start every 50 steps from the same state, and in most such stretches they must agree.
    """
    variant, digits = VARIANTS[name], splits["train"]
    few = Digits(
        *("1989", "train", digits.images[:steps], digits.labels[:steps]),
        *(digits.source_index[:steps], ""),
    )
    few_splits = {"train": few, "test": few}
    of = settings(variant=name, lr=variant.lr)
    engines = [made(native.NativeEngine, of, few_splits, on=on) for on in INSTRUCTION_SETS]
    first = engines[0]
    draws = native.make_network(variant, of.seed).draws
    eager = made(ReplayingEngine, of, few_splits, draws=draws)
    for engine in (eager, *engines):
        engine.begin_pass(1, variant.lr)
    stretch = steps if variant.activation == "tanh" else 50
    differences = []
    for step in range(0, steps, stretch):
        eager.load_state(as_eager_state(first, eager))
        for engine in (eager, *engines):
            engine.run_steps(step, step + stretch)
        right = eager.state()
        state = first.state()
        differences.append(max(np.abs(state[key] - right[key]).max() for key in PARAMETER_SHAPES))
    assert np.quantile(differences, 0.8, method="lower") <= 1e-4
    assert max(differences) <= 50 * variant.lr  # as far as AdamW can part in a stretch
    for engine in engines[1:]:
        if variant.activation == "tanh":
            state = engine.state()
            for key in PARAMETER_SHAPES:
                assert np.abs(state[key] - right[key]).max() <= 1e-4, key
    # Where there is a fused multiply-add, the sums are the same to the last bit.
    fused = [
        engine.state() for engine, on in zip(engines, INSTRUCTION_SETS, strict=True) if on != "sse2"
    ]
    for state in fused[1:]:
        assert all(np.array_equal(state[key], fused[0][key]) for key in state)


@pytest.mark.parametrize("on", INSTRUCTION_SETS)
@pytest.mark.parametrize("name", ["base", "modern"])
def test_a_split_is_scored_as_the_eager_engine_scores_it(
    name: str, on: str, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant=name, lr=VARIANTS[name].lr)
    engine = made(native.NativeEngine, of, splits, on=on)
    eager = make_engine(settings(variant=name), splits)
    for steps in (0, 1500):
        engine.begin_pass(1, of.lr)
        engine.run_steps(0, steps)
        state = eager.state()
        eager.load_state(state | {key: engine.state()[key] for key in PARAMETER_SHAPES})
        for split in splits:
            found, right = engine.score(split), eager.score(split)
            assert (found.misses, found.total) == (right.misses, right.total)
            assert found.loss == pytest.approx(right.loss, rel=1e-5)


def test_logits_far_below_0_have_finite_gradients() -> None:
    """The lanes beside the ten outputs must not overflow in the softmax."""
    digits = kernel.Digits(IMAGES, LABELS)
    network = native.make_network(VARIANTS["xent"], 1, optimizer="none")
    for bias in np.arange(-90, -86, 0.125):
        parameters = initial_parameters(VARIANTS["xent"], 1)
        for name, array in parameters.items():
            array[...] = bias if name == "outb" else 0
        network.set("weights", flatten(parameters))
        network.train(digits, 1, 0, 1, 1.0)
        gradient = by_name(network.get("gradient"))["outb"]
        assert gradient == pytest.approx(np.where(np.arange(10) == 0, -0.9, 0.1), abs=1e-6)


@pytest.mark.parametrize("on", INSTRUCTION_SETS)
@pytest.mark.parametrize("name", ["base", "modern"])
def test_a_batchs_gradient_is_the_mean_of_its_examples(
    name: str, on: str, splits: dict[str, Digits]
) -> None:
    digits = splits["train"]
    few = kernel.Digits(digits.images[:20], digits.labels[:20])
    one, batches = (
        native.make_network(VARIANTS[name], 5, batch_size=size, optimizer="none", on=on)
        for size in (1, 8)
    )
    for network in (one, batches):
        network.set("weights", flatten(initial_parameters(VARIANTS[name], 5)))
    # The last batch has but four.
    for step, examples in enumerate((range(8), range(8, 16), range(16, 20))):
        gradients = []
        for example in examples:
            one.train(few, 2, example, example + 1, 1.0)
            gradients.append(one.get("gradient").astype(np.float64))
        right = np.mean(gradients, axis=0)
        batches.train(few, 2, step, step + 1, 1.0)
        found = batches.get("gradient")
        for key, array in by_name(found - right).items():
            assert np.abs(array).max() <= 1e-5 * np.abs(by_name(right)[key]).max(), key
    with pytest.raises(ValueError, match="must lie within the pass"):
        batches.train(few, 2, 3, 4, 1.0)


@pytest.mark.parametrize("name", ["base", "adamw"])
@pytest.mark.parametrize("batch_size", [100, None])
def test_batches_train_as_the_eager_engine_does(
    name: str,
    batch_size: int | None,
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
) -> None:
    of = settings(variant=name, lr=VARIANTS[name].lr, batch_size=batch_size, passes=2)
    engines = [made(native.NativeEngine, of, splits), made(EagerEngine, of, splits)]
    assert engines[0].steps_per_pass == engines[1].steps_per_pass
    for number in (1, 2):
        for engine in engines:
            engine.begin_pass(number, of.lr)
            engine.run_steps(0, engine.steps_per_pass)
            engine.end_pass()
    ours, right = engines[0].state(), engines[1].state()
    for key in PARAMETER_SHAPES:
        assert np.abs(ours[key] - right[key]).max() <= 1e-4, key
    found, expected = (engine.score("test") for engine in engines)
    assert found.loss == pytest.approx(expected.loss, rel=1e-4)


def test_initial_weights_are_those_that_torch_draws() -> None:
    for seed in (0, 1337, 2**32 - 1):
        for name in ("base", "xent"):
            network = Network(VARIANTS[name], torch.Generator().manual_seed(seed))
            found = initial_parameters(VARIANTS[name], seed)
            for key, parameter in network.named_parameters():
                assert np.array_equal(found[key], parameter.detach().numpy()), key
            assert list(found) == list(PARAMETER_SHAPES)


def test_going_on_within_a_pass_gives_the_same_bits(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant="modern", lr=3e-4, passes=2, engine="native")
    whole = make_engine(of, splits)
    saved = []

    def save(position: Position) -> None:
        saved.append((whole.state(), position))

    expected = [(result.train, result.test) for result in fit(whole, of, on_slice=save)]
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    for state, position in (saved[1], saved[len(saved) // 2], saved[-1]):
        resumed = make_engine(of, splits)
        resumed.load_state(state)
        assert [(result.train, result.test) for result in fit(resumed, of, position)] == expected[
            position.passes :
        ]
        final, right = resumed.state(), whole.state()
        assert final.keys() == right.keys()
        assert all(np.array_equal(final[name], right[name]) for name in right)
    torch.set_num_threads(threads)


def philox(seed: int, counter: list[int]) -> tuple[int, ...]:
    """Philox4x32-10 as its paper has it, on Python's integers."""
    c, k = counter, [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        low, high = [a & 0xFFFFFFFF, b & 0xFFFFFFFF], [a >> 32, b >> 32]
        c = [high[1] ^ c[1] ^ k[0], low[1], high[0] ^ c[3] ^ k[1], low[0]]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return tuple(c)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "passes"), [("base", 23), ("modern", 40)])
def test_over_twenty_seeds_the_mean_error_is_the_eager_engines(
    name: str, passes: int, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    """The eager side takes PyTorch most of an hour; benchmarks/eager_seeds.py measured it."""
    path = ROOT / "benchmarks" / "results" / f"eager_seeds_{name}.json"
    measured = json.loads(path.read_text())
    assert (measured["passes"], len(measured["seeds"])) == (passes, 20)
    variant = VARIANTS[name]

    def misses(seed: int) -> int:
        of = settings(variant=name, lr=variant.lr, passes=passes, seed=seed, engine="native")
        return list(fit(make_engine(of, splits), of))[-1].test.misses

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(misses, measured["seeds"]))
    ours, theirs = summarise(found), summarise(measured["test_misses"])
    squares = [side.deviation**2 / 20 for side in (ours, theirs)]
    # Welch's interval of the difference.
    freedom = sum(squares) ** 2 / sum(square**2 / 19 for square in squares)
    assert abs(ours.mean - theirs.mean) <= student95(freedom) * sum(squares) ** 0.5


def test_random_words_are_philox() -> None:
    # Known answer of the authors' library (Random123, kat_vectors).
    assert kernel.philox(0, 0, 0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    random = np.random.RandomState(0)
    for _ in range(50):
        seed = int(random.randint(0, 2**63))
        pass_number, example, block = (int(n) for n in random.randint(0, 2**32, size=3))
        found = kernel.philox(seed, pass_number, example, block)
        assert found == philox(seed, [block, example, pass_number, 0])


def test_shifts_and_masks_have_their_distribution() -> None:
    network = native.make_network(VARIANTS["modern"], 7)
    shifts, masks = network.draws(2, 0, 20_000)
    assert shifts.dtype == np.int32
    assert set(shifts.ravel().tolist()) == {-1, 0, 1}
    counts = np.bincount((3 * (shifts[:, 0] + 1) + shifts[:, 1] + 1), minlength=9)
    # 20,000 draws over nine pairs: 2,222 each, with a deviation of 44.
    assert np.abs(counts - 20_000 / 9).max() < 4.5 * 44
    assert np.unique(masks).tolist() == pytest.approx([0, 4 / 3])
    dropped = (masks == 0).mean(axis=0)
    assert dropped.shape == (192,)
    # A deviation of 0.0031 for each unit.
    assert np.abs(dropped - 0.25).max() < 4.5 * 0.0031
    again, same = network.draws(2, 100, 110)
    assert np.array_equal(again, shifts[100:110])
    assert np.array_equal(same, masks[100:110])
    assert not np.array_equal(network.draws(3, 0, 10)[1], masks[:10])
    assert not np.array_equal(
        native.make_network(VARIANTS["modern"], 8).draws(2, 0, 10)[1], masks[:10]
    )
    shifts, masks = native.make_network(VARIANTS["base"], 7).draws(1, 0, 5)
    assert not shifts.any()
    assert masks.shape == (5, 0)


def check_tanh(on: str, bits: np.ndarray[Any, Any]) -> None:
    values = bits.astype(np.uint32).view(np.float32)
    values = values[~np.isnan(values)]
    found = kernel.tanh(on, values)
    right = np.tanh(values.astype(np.float64))
    nearest = right.astype(np.float32)
    # One unit in the last place, towards 0: below a power of two it is half as large.
    unit = np.abs(nearest - np.nextafter(nearest, np.float32(0))).astype(np.float64)
    unit[unit == 0] = 2.0**-149
    assert (np.abs(found - right) <= 4 * unit).all()
    assert (np.abs(found) <= np.nextafter(np.float32(1), np.float32(2))).all()


@pytest.mark.parametrize("on", INSTRUCTION_SETS)
def test_tanh_is_within_four_units_in_the_last_place(on: str) -> None:
    check_tanh(on, np.arange(0, 2**32, 4093, dtype=np.int64))
    special = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan])
    found = kernel.tanh(on, special)
    assert found[:4] == pytest.approx([0, 0, 1, -1], abs=2**-22)
    assert np.isnan(found[4])


@pytest.mark.slow
@pytest.mark.parametrize("on", INSTRUCTION_SETS)
def test_tanh_is_within_four_units_in_the_last_place_on_every_float(on: str) -> None:
    for start in range(0, 2**32, 2**24):
        check_tanh(on, np.arange(start, start + 2**24, dtype=np.int64))


IMAGES = np.zeros((3, 16, 16), np.float32)
LABELS = np.zeros(3, np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.astype(np.float64), LABELS, "images must be float32"),
        (IMAGES.astype(">f4"), LABELS, None),
        (IMAGES[:, :15], LABELS, r"images must be float32 \(n, 16, 16\)"),
        (IMAGES[0], LABELS, "images must be"),
        (np.asfortranarray(IMAGES), LABELS, "C-contiguous"),
        (np.zeros((3, 16, 32), np.float32)[:, :, ::2], LABELS, "C-contiguous"),
        (IMAGES[::-1], LABELS, "C-contiguous"),
        (np.full_like(IMAGES, np.nan), LABELS, "images holds values that are not finite"),
        (np.full_like(IMAGES, np.inf), LABELS, "not finite"),
        (IMAGES[:0], LABELS[:0], "no digits"),
        (IMAGES, LABELS[:2], r"labels must be uint8 \(3\)"),
        (IMAGES, LABELS.astype(np.int64), "labels must be uint8"),
        (IMAGES, LABELS + 10, "labels must be 0 to 9"),
        (IMAGES, "labels", None),
        (None, LABELS, None),
        (IMAGES.tolist(), LABELS, None),
    ],
)
def test_hostile_digits_are_refused(images: Any, labels: Any, message: str | None) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        kernel.Digits(images, labels)


def training(**values: Any) -> Any:
    """A training of base with other values."""
    made, base = kernel.Training(), VARIANTS["base"]
    for field in made.fields:
        setattr(made, field, values.get(field, getattr(base, field, 1)))
    return made


def test_a_trainings_fields_are_those_of_a_variant() -> None:
    named = {field.name for field in fields(Variant)}
    assert set(kernel.Training.fields) - named == {"seed"}
    given = {
        "output_activation": None,
        "loss": "cross_entropy",
        "optimizer": "adamw",
        "dropout_after": "H3",
        "dropout": 0.25,
        "shift": 2,
        "seed": 2**64 - 1,
    }
    made = training(**given)
    assert {field: getattr(made, field) for field in given} == given
    with pytest.raises(AttributeError, match="momentum"):
        made.momentum = 0.9
    for field, value in (("dropout", "much"), ("shift", 0.5), ("seed", -1), ("loss", 1)):
        with pytest.raises(TypeError):
            setattr(made, field, value)
    for field, word in (("activation", "sine"), ("dropout_after", ""), ("loss", "none")):
        with pytest.raises(ValueError, match=f"{field} '{word}' is not known"):
            setattr(made, field, word)
    assert {field: getattr(made, field) for field in given} == given


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "adamw"}, "adamw goes with cross_entropy"),
        ({"optimizer": "sdlm", "activation": "gelu"}, "SDLM knows no gelu or silu"),
        ({"optimizer": "sdlm", "batch_size": 2}, "SDLM goes with mse, one example at a time"),
        ({"optimizer": "sdlm", "memory": 0}, r"memory in \(0, 1\]"),
        ({"loss": "cross_entropy"}, "cross_entropy goes without output_activation"),
        ({"target": 0}, "target must be above 0, and at most 2"),
        ({"target": float("nan")}, "target must be above 0, and at most 2"),
        (
            {"loss": "cross_entropy", "output_activation": None, "target": 0.5},
            "target goes with mse",
        ),
        ({"output_activation": None}, "mse with one"),
        ({"output_activation": "relu"}, "output_activation must be tanh, scaled_tanh or none"),
        ({"activation": None}, "activation is not set"),
        ({"dropout": 0.5}, "dropout and its layer go together"),
        ({"dropout": float("nan")}, r"dropout must be in \[0, 1\)"),
        ({"shift": 3}, "shift must be 0, 1 or 2"),
        ({"rotation": float("nan")}, r"strengths of distortions must be in \[0, 180\]"),
        ({"elastic_sigma": 0.5}, "elastic_sigma must be above 0.5"),
        ({"weight_decay": -1}, r"weight_decay must be in \[0, 100\)"),
        ({"batch_size": 0}, "batch_size must be 1 to"),
    ],
)
def test_values_that_do_not_go_together_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel.Network(training(**values), instruction_set=INSTRUCTION_SETS[0])


def test_the_kernel_trains_what_variants_can_make_and_nothing_else() -> None:
    """What it takes, it has code for: a step changes the weights."""
    activations = get_args(get_type_hints(Variant)["activation"])
    optimizers = get_args(get_type_hints(Variant)["optimizer"])
    losses = get_args(get_type_hints(Variant)["loss"])
    made = set()
    for name, more, activation in product(
        OF_1989, ("", "+half=yes", "+curvature=by-pass"), activations
    ):
        try:
            variant = get_variant(f"{name}{more}+activation={activation}")
        except UsageError:
            continue
        made.add((variant.activation, variant.loss, variant.optimizer))
    digits, trained = kernel.Digits(IMAGES, LABELS), set()
    before = flatten(initial_parameters(VARIANTS["base"], 1))
    for on, *combination in product(INSTRUCTION_SETS, activations, losses, optimizers):
        values = dict(zip(("activation", "loss", "optimizer"), combination, strict=True))
        out = None if values["loss"] == "cross_entropy" else "tanh"
        try:
            network = kernel.Network(training(**values, output_activation=out), instruction_set=on)
        except ValueError:
            continue
        network.set("weights", before)
        assert network.evaluate(digits, 0, 1)[0] > 0
        network.train(digits, 1, 0, 1, 1e-3)
        assert not np.array_equal(network.get("weights"), before)
        trained.add((on, *combination))
    assert trained == {(on, *combination) for on in INSTRUCTION_SETS for combination in made}


def test_hostile_arguments_are_refused() -> None:
    digits = kernel.Digits(IMAGES, LABELS)
    network = native.make_network(VARIANTS["base"], 1)
    before = network.get("weights")
    for arguments in (
        (1, -1, 2, 0.1),
        (1, 0, 4, 0.1),
        (1, 2, 1, 0.1),
        (1, 0, 2**62, 0.1),
        (-1, 0, 1, 0.1),
        (2**32, 0, 1, 0.1),
        (1, 0, 1, float("nan")),
        (1, 0, 1, 0.0),
        (1, 0, 1, float("inf")),
        (1.5, 0, 1, 0.1),
    ):
        with pytest.raises((ValueError, TypeError)):
            network.train(digits, *arguments)
    for values in (before[:-1], before.astype(np.float64), before * np.nan, before[:, None]):
        with pytest.raises(ValueError, match="parameters"):
            network.set("weights", values)
    with pytest.raises(ValueError, match="block 'momentum' is not known"):
        network.get("momentum")
    with pytest.raises(ValueError, match="instruction set 'mmx' is not to be had here"):
        native.make_network(VARIANTS["base"], 1, on="mmx")
    for updates in (-1, 2**62):
        with pytest.raises(ValueError, match="updates must be 0 to"):
            network.updates = updates
    for first, last in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(ValueError, match="must lie within the digits"):
            network.evaluate(digits, first, last)
    for order, rows, message in (
        (np.array([0, 3], np.int32), None, "order must hold places"),
        (np.array([0, -1], np.int32), None, "order must hold places"),
        (np.array([0.0]), None, "order must be int32"),
        (None, np.zeros((3, 9), np.float32), r"targets must be float32 \(n, 10\)"),
        (None, np.zeros((3, 10), np.float32), "targets go with cross_entropy"),
    ):
        with pytest.raises(ValueError, match=message):
            network.present(1, 1, order, rows)
    network.present(1, 1, np.zeros(2, np.int32), None)
    with pytest.raises(ValueError, match="as many as the digits"):
        network.train(digits, 1, 0, 1, 0.1)
    assert np.array_equal(network.get("weights"), before)


def test_read_only_digits_are_used_where_they_lie(splits: dict[str, Digits]) -> None:
    images = splits["test"].images.copy()
    references = sys.getrefcount(images)
    digits = kernel.Digits(images, splits["test"].labels)
    assert sys.getrefcount(images) > references
    del digits
    assert sys.getrefcount(images) == references
    images.flags.writeable = False
    kernel.Digits(images, splits["test"].labels)
    kernel.Digits(torch.from_numpy(splits["test"].images.copy()), splits["test"].labels)


def test_a_state_of_other_settings_is_refused(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    state = make_engine(settings(variant="adamw", engine="native"), splits).state()
    with pytest.raises(FileFormatError, match=r"optimizer\.H1b\.exp_avg is unexpected"):
        make_engine(settings(engine="native"), splits).load_state(state)
    state["H2w"] = state["H2w"] * np.float32(np.nan)
    with pytest.raises(FileFormatError, match="not finite"):
        make_engine(settings(variant="adamw", engine="native"), splits).load_state(state)


def test_the_cpu_is_for_the_native_engine(
    settings: Callable[..., Settings],
) -> None:
    choice = chosen(settings(engine="auto"))
    assert choice.engine == "native"
    assert choice.reason == f"fastest on the CPU, {INSTRUCTION_SETS[0]}"
    assert chosen(settings(engine="auto", batch_size=None)).engine == "native"
    assert chosen(settings(engine="auto", device="mps")).engine == "eager"
    assert chosen(settings(engine="eager")).engine == "eager"
    with pytest.raises(UsageError, match="on cuda:0: it runs on the CPU alone"):
        chosen(settings(engine="native", device="cuda:0"))
    assert [state.available for state in list_engines()] == [True, True, True]


@pytest.mark.parametrize("name", ["base+target=0.6", "paper+target=1.5"])
def test_other_targets_train_and_score_alike_everywhere(name: str, few: dict[str, Digits]) -> None:
    variant = get_variant(name)
    states, scores = [], []
    for engine in ("native", "eager", "graph"):
        of = make_engines(engine, variant, [1], few)
        of.begin_pass(1, [variant.lr])
        of.run_steps(0, 100)
        states.append(of.states()[0])
        scores.append(of.scores("test")[0])
    for state in states:
        for key in PARAMETER_SHAPES:
            assert np.abs(state[key] - states[0][key]).max() <= 1e-5, key
    arrays = {key: states[0][key] for key in PARAMETER_SHAPES}
    scores.append(evaluate(network_of(Weights(arrays, variant.name)), few["test"]))
    for score in scores:
        assert score.loss == pytest.approx(scores[0].loss, rel=1e-5)
        assert score.misses == scores[0].misses
    usual = evaluate(network_of(Weights(arrays, name.partition("+")[0])), few["test"])
    assert abs(usual.loss / scores[0].loss - 1) > 0.2
