"""The curvature against the exact Gauss-Newton diagonal, in float64."""

import numpy as np
import pytest
import torch

from lecun89.data import Digits
from lecun89.engines import native
from lecun89.engines.parameters import by_name, flatten
from lecun89.network.initialization import initial_parameters
from lecun89.network.modules import Network, make_network
from lecun89.network.sdlm import ENERGY, Sdlm, curvature
from lecun89.variants import Variant, get_variant

NAMES = [
    "sdlm",
    "sdlm+squash=scaled+init=literal+output-bias=0+half=yes",
    "sdlm+table=cyclic",
    "paper+planes=5",
]


def make(name: str) -> tuple[Variant, Network]:
    variant = get_variant(name)
    network = Network(variant, torch.Generator().manual_seed(3)).double()
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=random, dtype=torch.float64)
    return variant, network


def gauss_newton(network: Network, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """The Hessian's diagonal of 1/2 sum (d - y)^2, without the second derivatives of y."""
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def outputs(p: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(network, p, (image,))[0]

    jacobian = torch.func.jacrev(outputs)(parameters)
    return {name: (j**2).sum(dim=0) for name, j in jacobian.items()}


@pytest.mark.parametrize("name", NAMES)
def test_of_out_and_h3_it_is_exact(name: str, splits: dict[str, Digits]) -> None:
    """There no weight is shared, and no unit has two ways to an output."""
    variant, network = make(name)
    image = torch.tensor(splits["train"].images[:1, None]).double()
    found, exact = curvature(network, variant, image), gauss_newton(network, image)
    for key in ("outw", "outb", "H3w", "H3b"):
        assert torch.allclose(found[key], exact[key], rtol=1e-10, atol=1e-14), key


@pytest.mark.parametrize("name", NAMES)
def test_where_units_do_not_meet_it_is_exact_everywhere(
    name: str, splits: dict[str, Digits]
) -> None:
    """A network with one way from each weight to an output: terms between units are all 0."""
    variant, network = make(name)
    with torch.no_grad():
        for parameter in (network.outw, network.H3w, network.H2w):
            kept = torch.zeros_like(parameter)
            if parameter is network.outw:
                kept[4, 7] = 1  # one unit of H3 to one output
            elif parameter is network.H3w:
                kept[70, 4] = 1  # one unit of H2, of plane 4, to it
            else:
                kept[4, 3, 2, 2] = 1  # one unit of H1 to that
            parameter *= kept
    image = torch.tensor(splits["train"].images[:1, None]).double()
    found, exact = curvature(network, variant, image), gauss_newton(network, image)
    for key in ("H2b", "H1b", "H1w"):
        assert exact[key].abs().max() > 0
        assert torch.allclose(found[key], exact[key], rtol=1e-10, atol=1e-14), key


def test_without_shared_weights_it_is_exact_but_for_terms_between_units(
    splits: dict[str, Digits],
) -> None:
    variant = get_variant("fc40")
    network = make_network(variant, torch.Generator().manual_seed(3)).double()
    assert isinstance(network, Network)
    image = torch.tensor(splits["train"].images[:1, None]).double()
    found, exact = curvature(network, variant, image), gauss_newton(network, image)
    for key in found:  # a weight of the hidden layer has one way to each output
        assert torch.allclose(found[key], exact[key], rtol=1e-10, atol=1e-14), key


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("on", pytest.importorskip("lecun89._native").instruction_sets())
def test_the_kernels_is_that_of_pytorch(name: str, on: str, splits: dict[str, Digits]) -> None:
    from lecun89 import _native

    variant, digits = get_variant(name + "+curvature=by-pass"), splits["train"]
    kernel = native.make_network(variant, 3, on=on)
    parameters = initial_parameters(variant, 3)
    kernel.set("weights", flatten(parameters))
    kernel.estimate(_native.Digits(digits.images, digits.labels), 20, 60)
    network = Network(variant, torch.Generator()).double()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in parameters.items()})
    exact = curvature(network, variant, torch.tensor(digits.images[20:60, None]).double())
    for key, array in by_name(kernel.get("first_moment")).items():
        right = exact[key].numpy()
        assert np.abs(array - right).max() <= 1e-5 * right.max(), key


def test_dropped_units_have_no_curvature(splits: dict[str, Digits]) -> None:
    variant, network = make("sdlm")
    network.dropout_after = "H3"
    mask = torch.full((1, 30), 4 / 3).double()
    mask[0, :5] = 0
    image = torch.tensor(splits["train"].images[:1, None]).double()
    found = curvature(network, variant, image, mask)
    assert not found["H3w"][:, :5].any()
    # What a unit passes on is larger by 4/3, so its curvature by 16/9; out's slopes move, too.
    assert found["H3w"][:, 5:].all()
    assert found["outw"][:5].abs().max() == 0


def test_a_step_is_the_papers(splits: dict[str, Digits]) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Sdlm([weight], lr=0.1, energy=ENERGY["mse"], damping=0.05, memory=0.25)
    optimizer.remember([torch.tensor([0.8, 0.0])])
    optimizer.remember([torch.tensor([0.4, 4.0])])
    weight.grad = torch.tensor([0.3, 0.3])
    optimizer.step()
    # sigma: 0.25 * 0.8, then 0.75 of it + 0.25 * 0.4; and 0.25 * 4.
    expected = [1 - 0.1 * 5 * 0.3 / (0.05 + 0.25), 2 - 0.1 * 5 * 0.3 / (0.05 + 1.0)]
    assert weight.tolist() == pytest.approx(expected)
