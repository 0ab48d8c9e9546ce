from dataclasses import replace

import numpy as np
import pytest
import torch

from lecun89.exceptions import UsageError
from lecun89.network.initialization import initial_parameters
from lecun89.network.modules import make_network, variant_of
from lecun89.network.structures import STRUCTURES, structure_of
from lecun89.variants import VARIANTS, Variant, get_variant


@pytest.mark.parametrize(
    "name", ["base", "weightnorm", "microvit", "fc40", "base+planes=5", "weightnorm+planes=4"]
)
def test_a_structure_makes_a_network_of_its_shapes(name: str) -> None:
    variant = get_variant(name)
    network = make_network(variant, torch.Generator().manual_seed(3))
    assert variant_of(network) is variant
    found = {key: tuple(value.shape) for key, value in network.named_parameters()}
    assert list(found.items()) == list(structure_of(variant).shapes.items())
    initial = initial_parameters(variant, 3)
    assert initial.keys() == found.keys()
    for key, value in network.named_parameters():
        assert np.array_equal(initial[key], value.detach().numpy())


def test_the_counts_of_each_structure() -> None:
    counts = {
        name: (one.parameters, one.macs, one.activations, one.is_1989)
        for name, one in STRUCTURES.items()
    }
    assert counts == {
        "1989": (9760, 63_660, 1000, True),
        "weightnorm": (9824, 63_660, 1000, False),
        "fc40": (10_690, 10_640, 50, False),
        "microvit": (9744, 64_960, None, False),
    }


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda one: one.name)
def test_no_field_of_layers_can_be_set_without_them(variant: Variant) -> None:
    assert structure_of(variant).has_planes == (variant.unused == ())


@pytest.mark.parametrize(("planes", "seen"), [(3, 2), (4, 3), (6, 4), (8, 6), (12, 8), (24, 16)])
def test_planes_change_the_counts(planes: int, seen: int) -> None:
    structure = structure_of(get_variant(f"paper+planes={planes}"))
    kernels = planes * 25 * (1 + seen)
    assert structure.parameters == kernels + planes * (64 + 16) + 16 * planes * 30 + 30 + 310
    assert structure.shapes["H2w"] == (planes, seen, 5, 5)
    assert structure.macs == planes * (64 * 25 + 16 * 25 * seen + 16 * 30) + 300
    assert structure.is_1989 == (planes == 12)


def test_a_structure_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown structure 'microvt': did you mean 'microvit'"):
        structure_of(replace(VARIANTS["base"], structure="microvt"))
    with pytest.raises(UsageError, match="has no H2 to drop units of"):
        structure_of(replace(VARIANTS["modern"], structure="microvit"))
    with pytest.raises(UsageError, match="Linear has no variant"):
        variant_of(torch.nn.Linear(2, 2))
