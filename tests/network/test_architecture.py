from lecun89.network.architecture import (
    ACTIVATIONS,
    CLASSES,
    IMAGE_SIZE,
    LAYERS,
    MACS,
    PARAMETER_SHAPES,
    PARAMETERS,
)


def test_counts_are_those_of_the_paper() -> None:
    assert [layer.parameters for layer in LAYERS] == [1068, 2592, 5790, 310]
    assert (PARAMETERS, MACS, ACTIVATIONS) == (9760, 63_660, 1000)
    assert sum(layer.connections for layer in LAYERS) == 64_660
    assert IMAGE_SIZE**2 + ACTIVATIONS == 1256  # units, the input's among them
    assert LAYERS[-1].units == CLASSES


def test_parameters_are_named_in_the_order_of_the_upstream_scripts() -> None:
    assert list(PARAMETER_SHAPES) == ["H1w", "H1b", "H2w", "H2b", "H3w", "H3b", "outw", "outb"]
