"""Distortions: what they do to a digit, and that the kernel's are PyTorch's."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from lecun89 import get_variant
from lecun89.data import Digits, read_originals
from lecun89.devices import KINDS
from lecun89.engines import choose, distortions, native
from lecun89.exceptions import UsageError
from lecun89.settings import Settings
from lecun89.variants import Variant
from tests.alone import make_engine

STRONG = "adamw+rotation=15+scaling=0.15+shear=0.25+translation=1.2+elastic=0.7+stroke=0.4"


def sources_of(digits: Digits, count: int) -> torch.Tensor:
    originals = read_originals(digits)
    assert originals is not None
    return torch.tensor(originals[:count]) / 127.5


def distorted(sources: torch.Tensor, name: str, value: float, **drawn: float) -> torch.Tensor:
    """A digit under one distortion, whose draws are 0 but for the places named like f0=1."""
    few = torch.zeros(1, 8)
    for place, number in drawn.items():
        few[0, int(place[1:])] = number
    variant = get_variant(f"adamw+{name}={value}")
    return distortions.distort(variant, sources, few, torch.zeros(1, 2, 9, 9))[0, 0]


def test_none_leaves_the_images_of_the_data_rule(splits: dict[str, Digits]) -> None:
    digits = splits["train"]
    images = distortions.distort(
        get_variant("adamw"),
        sources_of(digits, 500),
        torch.zeros(500, 8),
        torch.zeros(500, 2, 9, 9),
    )
    assert np.abs(images[:, 0].numpy() - digits.images[:500]).max() < 1e-6


def test_a_quarter_turn_is_that_of_numpy(splits: dict[str, Digits]) -> None:
    digits = splits["train"]
    for sources, expected in (
        (torch.tensor(digits.images[:1]) + 1, digits.images[0]),
        (sources_of(digits, 1), digits.images[0]),
    ):
        turned = distorted(sources, "rotation", 90, f0=1)
        assert np.abs(turned.numpy() - np.rot90(expected, -1)).max() < 1e-4


def test_moves_are_in_pixels_of_the_16x16_image(splits: dict[str, Digits]) -> None:
    digits = splits["train"]
    moved = distorted(sources_of(digits, 1), "translation", 2, f4=1, f5=-1)
    expected = np.full((16, 16), -1, np.float32)
    expected[:14, 2:] = digits.images[0, 2:, :14]
    # In the margins the original has what the data rule does not read.
    assert np.abs(moved.numpy() - expected)[1:13, 3:15].max() < 1e-4


def test_scaling_and_strokes_change_the_ink_as_they_say(splits: dict[str, Digits]) -> None:
    sources = sources_of(splits["train"], 1)

    def ink(name: str, value: float, **drawn: float) -> float:
        return float((distorted(sources, name, value, **drawn) + 1).sum())

    plain = ink("scaling", 0.3)
    assert ink("scaling", 0.3, f1=1, f2=1) == pytest.approx(plain * np.exp(-0.6), rel=0.05)
    assert ink("stroke", 0.5, f6=-1) > 1.05 * plain > 1.1 * ink("stroke", 0.5, f6=1)


def test_the_elastic_field_has_the_deviation_asked_for() -> None:
    _, noise = distortions.draw(1, 1, torch.arange(4000))
    smooth = distortions.smoothing(2.3)
    field = smooth @ noise @ smooth.T
    assert field.std(dim=0).mean() == pytest.approx(1, abs=0.02)
    assert field.std(dim=0).min() > 0.9
    neighbours = (field[:, :, 1:] - field[:, :, :-1]).std()
    assert neighbours < 0.5  # smooth: far less than the 1.4 of independent ones


def test_draws_depend_on_seed_pass_and_example_alone() -> None:
    few, noise = distortions.draw(5, 3, torch.arange(10))
    some, of_some = distortions.draw(5, 3, torch.tensor([7, 2]))
    assert torch.equal(some, few[[7, 2]])
    assert torch.equal(of_some, noise[[7, 2]])
    others = [
        distortions.draw(5, 4, torch.arange(10))[0],
        distortions.draw(6, 3, torch.arange(10))[0],
    ]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations([few, *others], 2))
    many = distortions.draw(1, 1, torch.arange(5000))
    for drawn in many:
        assert drawn.abs().max() <= 1
        assert drawn.mean() == pytest.approx(0, abs=0.01)
        assert drawn.std() == pytest.approx(3**-0.5, abs=0.01)


@pytest.mark.parametrize("at_28", [True, False])
def test_the_kernel_distorts_like_pytorch(at_28: bool, splits: dict[str, Digits]) -> None:
    kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    digits, variant = splits["train"], get_variant(STRONG)
    sources = sources_of(digits, 300) if at_28 else torch.tensor(digits.images[:300]) + 1
    expected = distortions.distort(variant, sources, *distortions.draw(9, 4, torch.arange(300)))
    bound = kernel.Digits(digits.images, digits.labels, read_originals(digits) if at_28 else None)
    for on in kernel.instruction_sets():
        network = native.make_network(variant, 1, on=on)
        network.present(9, 4, None, None)
        found = network.distort(bound, 0, 300)
        assert np.abs(found - expected[:, 0].numpy()).max() < 1e-4
        assert found.min() >= -1
        assert found.max() <= 1


@pytest.mark.parametrize(
    "name",
    [
        "base+rotation=15+scaling=0.1+shear=0.2+elastic=0.5+stroke=0.4+shuffle=yes",
        "xent+activation=gelu+label-smoothing=0.1+shuffle=yes+translation=1",
        "xent+activation=silu+elastic=0.5",
    ],
)
@pytest.mark.parametrize("batch_size", [1, 32])
def test_engines_present_the_same(
    name: str, batch_size: int, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    states = []
    for engine in ("native", "eager", "graph"):
        of = settings(
            variant=get_variant(name).name,
            lr=0.02,
            batch_size=batch_size,
            engine=engine,
        )
        made = make_engine(of, splits)
        made.begin_pass(2, 0.02)
        made.run_steps(0, 100)
        states.append(made.state())
    for key in ("H1w", "H1b", "H2w", "H2b", "H3w", "H3b", "outw", "outb"):
        for state in states[1:]:
            assert np.abs(states[0][key] - state[key]).max() < 1e-4
    plain = make_engine(of, splits).state()
    assert np.abs(plain["H3w"] - states[0]["H3w"]).max() > 1e-3


@pytest.mark.parametrize("at_a_time", [1, 7, 64])
def test_a_pass_at_once_is_its_digits_in_batches_to_the_bit(
    at_a_time: int, few: dict[str, Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, variant, seeds = few["train"], get_variant(STRONG), [9, 2**32 - 1]
    monkeypatch.setitem(KINDS, "cpu", replace(KINDS["cpu"], evaluated=1000))  # 250: not a divisor
    images = torch.full((2, 600, 257), 5.0)
    distorter = distortions.Distorter(variant, digits, torch.device("cpu"))
    distorter.distort(torch.tensor(seeds), torch.tensor(4), images[:, :, :256])
    for found, seed in zip(images, seeds, strict=True):
        for rows in torch.randperm(600)[:200].split(at_a_time):
            sources = sources_of(digits, 600)[rows]
            expected = distortions.distort(variant, sources, *distortions.draw(seed, 4, rows))
            assert torch.equal(found[rows, :256], expected.flatten(1))
    assert (images[:, :, 256] == 5).all()


def test_the_graph_engine_says_what_it_lacks(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    of = settings(variant="microvit", engine="graph")
    lacks = "microvit on cpu: it knows the network of 1989 and fc40, not microvit"
    with pytest.raises(UsageError, match=lacks):
        choose(of.engine, of.trained, of.device)
    with pytest.raises(UsageError, match="graph cannot train microvit"):
        make_engine(of, splits)


def test_no_strength_leads_out_of_the_image(splits: dict[str, Digits]) -> None:
    kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    digits = splits["train"]
    variant = get_variant("adamw+rotation=180+scaling=2+shear=4+translation=16+elastic=16+stroke=4")
    bound = kernel.Digits(digits.images, digits.labels, read_originals(digits))
    drawn = distortions.draw(9, 4, torch.arange(300))
    expected = distortions.distort(variant, sources_of(digits, 300), *drawn)[:, 0].numpy()
    assert np.abs(expected).max() <= 1
    for on in kernel.instruction_sets():
        network = native.make_network(variant, 1, on=on)
        network.present(9, 4, None, None)
        found = network.distort(bound, 0, 300)
        assert np.abs(found).max() <= 1
        assert np.median(np.abs(found - expected)) < 1e-3
    # What the registry refuses, and no number at all, ends within the image too.
    with pytest.raises(ValueError, match="too strong"):
        native.make_network(replace_unchecked(variant, scaling=100.0), 1)


def replace_unchecked(variant: Variant, **values: float) -> Variant:
    """A variant as the registry never makes it."""
    changed = object.__new__(Variant)
    changed.__dict__.update(vars(variant) | values)
    return changed
