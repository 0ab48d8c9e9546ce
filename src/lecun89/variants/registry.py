"""The registry: what each named training is, as a table of frozen values.

Read from top to bottom it is the blog: every rung changes a few values of the rung above.
Sources: LeCun et al. 1989; Karpathy 2022, *Deep Neural Nets: 33 years ago and 33 years from
now*, with its repository's ``repro.py`` and ``modern.py``. Nothing here needs PyTorch.
"""

from collections.abc import Iterable
from dataclasses import replace

from lecun89.exceptions import unknown_name
from lecun89.variants.overrides import assumed
from lecun89.variants.variant import Variant

base = Variant(
    name="base",
    change="the network of 1989: mean squared error, tanh everywhere",
    activation="tanh",
    output_activation="tanh",
    output_bias=-1.0,
    loss="mse",
    optimizer="sgd",
    lr=0.03,
    passes={"1989": 23, "full": 100},
)

xent = replace(
    base,
    name="xent",
    change="cross-entropy on softmax, no tanh on out, its biases start at 0",
    output_activation=None,
    output_bias=0.0,
    loss="cross_entropy",
    lr=0.01,
)

adamw = replace(
    xent,
    name="adamw",
    change="AdamW, learning rate from 3e-4 to 1e-4; twice the passes",
    optimizer="adamw",
    lr=3e-4,
    lr_decay=3.0,
    passes={"1989": 46, "full": 80},
)

shift = replace(
    adamw,
    name="shift",
    change="images rolled by up to one pixel in x and y",
    shift=1,
    passes={"1989": 60, "full": 80},
)

modern = replace(
    shift,
    name="modern",
    change="ReLU; dropout 0.25 on H2's output (the repository's placement)",
    activation="relu",
    dropout=0.25,
    dropout_after="H2",
    passes={"1989": 80, "full": 80},
)

modern_h3 = replace(
    modern,
    name="modern-h3",
    change="dropout after H3 instead (the notebook's placement)",
    dropout_after="H3",
)

fast = replace(
    adamw,
    name="fast",
    change="outside the ladder: the error of base in the least time; adamw with ReLU, in sixteens",
    activation="relu",
    lr=8e-3,
    lr_decay=20.0,
    batch_size=16,
    passes={"1989": 5, "full": 2},
)

sdlm = replace(
    base,
    name="sdlm",
    change="outside the ladder: base with the optimizer of 1989, its rates by the curvature",
    optimizer="sdlm",
    lr=5e-4,
)

paper = replace(
    sdlm,
    name="paper",
    change="outside the ladder: the paper as printed: scaled tanh, 2.4 / fan-in, 1/2 in the loss",
    activation="scaled_tanh",
    output_activation="scaled_tanh",
    output_bias=0.0,
    initialization="fan_in",
    loss="half_mse",
)

fc40 = replace(
    paper,
    name="fc40",
    change="outside the ladder: paper, fully connected, with 40 hidden units; 10,690 parameters",
    structure="fc40",
    unused=("planes", "table", "dropout", "dropout_after"),
)

relu = replace(base, name="relu", change="outside the ladder: base with ReLU", activation="relu")

longer = replace(
    base,
    name="longer",
    change="outside the ladder: base with 80 passes",
    passes={"1989": 80, "full": 100},
)

weightnorm = replace(
    base,
    name="weightnorm",
    change="outside the ladder: base with weight normalisation; 9,824 parameters",
    structure="weightnorm",
)

microvit = replace(
    shift,
    name="microvit",
    change="outside the ladder: a vision transformer of 9,744 parameters and 64,960 MACs",
    structure="microvit",
    unused=(
        *("activation", "output_activation", "output_bias", "initialization"),
        *("planes", "table", "dropout", "dropout_after"),
    ),
    lr=3e-3,
    lr_decay=20.0,
    batch_size=16,
    passes={"1989": 80, "full": 80},
)

record = replace(
    modern,
    name="record",
    change="the lowest error: GELU, distortions, one long cycle; on full, a teacher",
    activation="gelu",
    lr=3e-3,
    lr_decay=1.0,
    schedule="one_cycle",
    shift=0,
    dropout=0.0,
    dropout_after=None,
    rotation=12.0,
    scaling=0.12,
    shear=0.2,
    translation=1.0,
    elastic=0.55,
    stroke=0.4,
    shuffle=True,
    batch_size=32,
    passes={"1989": 1000, "full": 500, "usps": 1000},
    on_data={
        "full": {
            "rotation": 8.0,
            "scaling": 0.07,
            "shear": 0.14,
            "translation": 0.7,
            "elastic": 0.3,
            "stroke": 0.2,
            "teacher": True,
            "temperature": 0.5,
        },
    },
)

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        *(base, xent, adamw, shift, modern, modern_h3),
        *(fast, sdlm, paper, fc40, relu, longer, weightnorm, microvit, record),
    )
}
"""Every variant by its name: the ladder of 2022 in its order, then the others."""


def list_variants() -> list[Variant]:
    """Every variant of the registry: the ladder of 2022 in its order, then the others.

    >>> import lecun89
    >>> [variant.name for variant in lecun89.list_variants()][:4]
    ['base', 'xent', 'adamw', 'shift']
    """
    return list(VARIANTS.values())


def get_variant(name: str) -> Variant:
    """The variant of that name, with the assumptions that the name goes on with.

    >>> import lecun89
    >>> lecun89.get_variant("modern+dropout=0.1").dropout
    0.1

    Raises:
        UsageError: there is none; the message lists the names and suggests the nearest.
    """
    of, *pairs = name.split("+")
    if of not in VARIANTS:
        raise unknown_name("variant", of, VARIANTS)
    return assumed(VARIANTS[of], pairs)


def assume(variant: Variant, pairs: Iterable[str]) -> Variant:
    """The variant with assumptions of its own, each like ``squash=scaled``; a later one counts.

    Raises:
        UsageError: a key or value is not known, or does not go with the variant.
    """
    name, *before = variant.name.split("+")
    return assumed(VARIANTS[name], (*before, *pairs))
