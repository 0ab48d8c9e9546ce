import pytest

from lecun89.network.architecture import (
    ACTIVATIONS,
    CLASSES,
    IMAGE_SIZE,
    LAYERS,
    MACS,
    PARAMETER_SHAPES,
    PARAMETERS,
    planes_seen,
)


def test_counts_are_those_of_the_paper() -> None:
    assert [layer.parameters for layer in LAYERS] == [1068, 2592, 5790, 310]
    assert (PARAMETERS, MACS, ACTIVATIONS) == (9760, 63_660, 1000)
    assert sum(layer.connections for layer in LAYERS) == 64_660
    assert IMAGE_SIZE**2 + ACTIVATIONS == 1256  # units, the input's among them
    assert LAYERS[-1].units == CLASSES


def test_parameters_are_named_in_the_order_of_the_upstream_scripts() -> None:
    assert list(PARAMETER_SHAPES) == ["H1w", "H1b", "H2w", "H2b", "H3w", "H3b", "outw", "outb"]


@pytest.mark.parametrize("planes", range(3, 25))
@pytest.mark.parametrize("table", ["thirds", "cyclic"])
def test_every_plane_is_seen_and_sees_two_thirds(table: str, planes: int) -> None:
    seen = planes_seen(table, planes)
    assert len(seen) == planes
    assert {len(set(of)) for of in seen} == {-(-2 * planes // 3)}
    assert set().union(*seen) == set(range(planes))
    assert all(list(of) == sorted(of) for of in seen)
    assert len(set(seen)) == (3 if table == "thirds" else planes)


def test_thirds_of_twelve_are_those_of_the_upstream_scripts() -> None:
    thirds = ((0, 1, 2, 3, 4, 5, 6, 7), (4, 5, 6, 7, 8, 9, 10, 11), (0, 1, 2, 3, 8, 9, 10, 11))
    assert planes_seen("thirds") == tuple(thirds[plane // 4] for plane in range(12))
    assert planes_seen("thirds", 4) == ((0, 1, 2), (0, 1, 2), (0, 2, 3), (0, 1, 3))
