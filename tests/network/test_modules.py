import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lecun89.data import Digits
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.modules import Network, make_network
from lecun89.network.structures import STRUCTURES
from lecun89.variants import VARIANTS, get_variant

THIRDS = [list(range(8))] * 4 + [list(range(4, 12))] * 4 + [[0, 1, 2, 3, 8, 9, 10, 11]] * 4


def make(name: str, seed: int = 1) -> Network:
    return Network(get_variant(name), torch.Generator().manual_seed(seed))


def plain_forward(network: Network, name: str, image: np.ndarray) -> np.ndarray:
    """The paper's network written out with loops, in float64."""
    p = {key: value.detach().double().numpy() for key, value in network.named_parameters()}
    kinds = {
        "tanh": np.tanh,
        "scaled_tanh": lambda x: 1.7159 * np.tanh(2 * x / 3),
        "relu": lambda x: np.maximum(x, 0),
        None: lambda x: x,
    }
    variant = get_variant(name)
    squash, squash_out = kinds[variant.activation], kinds[variant.output_activation]
    padded = np.full((20, 20), -1.0)
    padded[2:18, 2:18] = image
    h1 = np.full((12, 12, 12), -1.0)
    for plane in range(12):
        for y in range(8):
            for x in range(8):
                patch = padded[2 * y : 2 * y + 5, 2 * x : 2 * x + 5]
                total = (patch * p["H1w"][plane, 0]).sum() + p["H1b"][plane, y, x]
                h1[plane, 2 + y, 2 + x] = squash(total)
    if "cyclic" in name:
        sees = [sorted((plane + n) % 12 for n in range(8)) for plane in range(12)]
    else:
        sees = THIRDS
    h2 = np.empty((12, 4, 4))
    for plane in range(12):
        for y in range(4):
            for x in range(4):
                patch = h1[sees[plane], 2 * y : 2 * y + 5, 2 * x : 2 * x + 5]
                total = (patch * p["H2w"][plane]).sum() + p["H2b"][plane, y, x]
                h2[plane, y, x] = squash(total)
    h3 = squash(h2.reshape(192) @ p["H3w"] + p["H3b"])
    out = h3 @ p["outw"] + p["outb"]
    return squash_out(out)


@pytest.mark.parametrize("name", ["base", "xent", "modern", "paper", "base+table=cyclic"])
def test_forward_equals_the_paper_written_out_in_float64(
    name: str, splits: dict[str, Digits]
) -> None:
    network = make(name).double()
    images = splits["test"].images[:3].astype(np.float64)
    expected = [plain_forward(network, name, image) for image in images]
    with torch.no_grad():
        found = network(torch.from_numpy(images)[:, None]).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradients_in_float64_agree_with_differences(splits: dict[str, Digits]) -> None:
    network = make("base").double()
    images = torch.from_numpy(splits["train"].images[:2]).double()[:, None]
    parameters = dict(network.named_parameters())

    def outputs(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(network, given, (images,))

    assert torch.autograd.gradcheck(outputs, tuple(parameters.values()), fast_mode=True)


def test_initial_weights_follow_the_designs_draws() -> None:
    network = make("base", seed=1337)
    torch.manual_seed(1337)
    for name, fan_in in (("H1w", 25), ("H2w", 200), ("H3w", 192), ("outw", 30)):
        expected = (torch.rand(PARAMETER_SHAPES[name]) - 0.5) * 2 * 2.4 / fan_in**0.5
        assert torch.equal(getattr(network, name), expected)
    assert (network.outb == -1).all()
    assert not network.H1b.any()
    assert not make("xent").outb.any()


def test_forward_draws_nothing(splits: dict[str, Digits]) -> None:
    network = make("modern").train()
    images = torch.from_numpy(splits["test"].images[:8].copy())[:, None]
    before = torch.get_rng_state()
    assert torch.equal(network(images), network(images))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["modern", "modern-h3"])
def test_dropout_mask_silences_units_at_the_variants_place(
    name: str, splits: dict[str, Digits]
) -> None:
    network = make(name)
    images = torch.from_numpy(splits["test"].images[:4].copy())[:, None]
    silent = torch.zeros(network.dropout_shape(4))
    if name == "modern":
        expected = torch.relu(network.H3b) @ network.outw + network.outb
    else:
        expected = network.outb
    assert torch.allclose(network(images, silent), expected.expand(4, 10))
    assert torch.equal(network(images, torch.ones_like(silent)), network(images))


def test_weight_normalisation_begins_as_the_same_network(splits: dict[str, Digits]) -> None:
    images = torch.from_numpy(splits["test"].images[:5])[:, None]
    made = [
        make_network(VARIANTS[name], torch.Generator().manual_seed(1))
        for name in ("base", "weightnorm")
    ]
    outputs = [network(images) for network in made]
    assert torch.allclose(*outputs, atol=1e-6)
    longer = dict(made[1].named_parameters())
    with torch.no_grad():  # twice as long, whatever the length of the direction
        longer["outg"] *= 2
        longer["outw"] *= 7
        dict(made[0].named_parameters())["outw"] *= 2
    assert torch.allclose(made[0](images), made[1](images), atol=1e-6)


def test_the_vision_transformer_has_the_size_of_the_network(splits: dict[str, Digits]) -> None:
    network = make_network(VARIANTS["microvit"], torch.Generator().manual_seed(1))
    structure = STRUCTURES["microvit"]
    assert structure.parameters == 9744
    assert abs(structure.macs / 63_660 - 1) < 0.03
    # One forward pass, as PyTorch counts it; of two operations each.
    image = torch.from_numpy(splits["test"].images[:1])[:, None]
    with FlopCounterMode(display=False) as counter:
        assert network(image).shape == (1, 10)
    attention = 2 * 8 * 8 * 20  # which not every release of the counter knows on the CPU
    assert counter.get_total_flops() / 2 in (
        structure.macs,
        structure.macs - attention,
    )
    # A pixel anywhere changes the outputs: every patch is seen.
    for y, x in ((0, 0), (0, 15), (15, 0), (15, 15), (7, 8)):
        changed = image.clone()
        changed[0, 0, y, x] += 1
        assert not torch.allclose(network(changed), network(image))
