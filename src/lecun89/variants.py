"""The registry: what each named training is, as a table of frozen values.

Read from top to bottom it is the blog: every rung changes a few values of the rung above.
Sources: LeCun et al. 1989; Karpathy 2022, *Deep Neural Nets: 33 years ago and 33 years from
now*, with its repository's ``repro.py`` and ``modern.py``. Nothing here needs PyTorch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from lecun89.exceptions import UsageError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Network, loss, optimizer, schedule, augmentation and passes of one named training.

    Attributes:
        name: its name in the registry.
        change: what differs from the rung above, in words.
        structure: the network of 1989; or, outside of the ladder, that with normalised weights, or
            a vision transformer of its size. See `lecun89.architecture.STRUCTURES`.
        activation: of H1, H2 and H3; ``scaled_tanh`` is 1.7159 tanh(2/3 x).
        output_activation: of out; None leaves its sums as they are (logits).
        output_bias: initial value of out's biases.
        initialization: weights are uniform within 2.4 / ``sqrt_fan_in``, or 2.4 / ``fan_in``.
        table: which planes of H1 those of H2 see; see `lecun89.architecture.TABLES`.
        loss: mean over examples and outputs of the squared difference to targets of +1 and -1,
            or half of it, or softmax cross-entropy, the mean over examples.
        optimizer: PyTorch's, with PyTorch's defaults but for the learning rate; or stochastic
            diagonal Levenberg-Marquardt, its curvature a running mean over examples (``sdlm``) or
            estimated before each pass (``sdlm_by_pass``).
        damping: of SDLM, added to the curvature.
        memory: of SDLM, the newest example's share of the running mean.
        lr: learning rate of the first pass.
        lr_decay: the last pass runs at lr / lr_decay, those between on a straight line.
        shift: largest roll of an image, in pixels, in y and x; drawn for each example.
        dropout: probability that a unit is dropped.
        dropout_after: the layer whose outputs are dropped.
        batch_size: examples in a step.
        passes: passes over the training split, by name of the data; see `passes_on`.
    """

    name: str
    change: str
    structure: Literal["1989", "weightnorm", "microvit"] = "1989"
    activation: Literal["tanh", "scaled_tanh", "relu"]
    output_activation: Literal["tanh", "scaled_tanh"] | None
    output_bias: float
    initialization: Literal["sqrt_fan_in", "fan_in"] = "sqrt_fan_in"
    table: Literal["thirds", "cyclic"] = "thirds"
    loss: Literal["mse", "half_mse", "cross_entropy"]
    optimizer: Literal["sgd", "adamw", "sdlm", "sdlm_by_pass"]
    damping: float = 0.05
    memory: float = 0.05
    lr: float
    lr_decay: float = 1.0
    shift: int = 0
    dropout: float = 0.0
    dropout_after: Literal["H2", "H3"] | None = None
    batch_size: int = 1
    passes: dict[str, int]

    def passes_on(self, data: str) -> int:
        """Passes over the training split of that data: those of ``1989`` if it has none itself."""
        return self.passes.get(data, self.passes["1989"])


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
    lr=3e-3,
    lr_decay=20.0,
    batch_size=16,
    passes={"1989": 80, "full": 80},
)

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        *(base, xent, adamw, shift, modern, modern_h3),
        *(fast, sdlm, paper, relu, longer, weightnorm, microvit),
    )
}
"""Every variant by its name: the ladder in its order, then those outside of it."""


ASSUMPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "squash": {
        "tanh": {"activation": "tanh", "output_activation": "tanh"},
        "scaled": {"activation": "scaled_tanh", "output_activation": "scaled_tanh"},
    },
    "init": {
        "sqrt": {"initialization": "sqrt_fan_in"},
        "literal": {"initialization": "fan_in"},
    },
    "output-bias": {"-1": {"output_bias": -1.0}, "0": {"output_bias": 0.0}},
    "half": {"no": {"loss": "mse"}, "yes": {"loss": "half_mse"}},
    "table": {"thirds": {"table": "thirds"}, "cyclic": {"table": "cyclic"}},
    "curvature": {
        "running": {"optimizer": "sdlm", "damping": 0.05},
        "by-pass": {"optimizer": "sdlm_by_pass", "damping": 0.02},
    },
}
"""What the paper leaves open: for each key of ``--assume`` its values, and the fields they set.

A variant with assumptions is named after both, as ``base+squash=scaled+init=literal``.
"""


def get_variant(name: str) -> Variant:
    """The variant of that name, with the assumptions that the name goes on with.

    Raises:
        UsageError: there is none; the message lists the names and suggests the nearest.
    """
    of, *pairs = name.split("+")
    if of not in VARIANTS:
        raise unknown_name("variant", of, VARIANTS)
    return assume(VARIANTS[of], pairs)


def assume(variant: Variant, pairs: Iterable[str]) -> Variant:
    """The variant with assumptions of its own, each like ``squash=scaled``; a later one counts.

    Raises:
        UsageError: a key or value is not known, or does not go with the variant.
    """
    name, *before = variant.name.split("+")
    variant = VARIANTS[name]
    made: dict[str, str] = {}
    for pair in (*before, *pairs):
        key, _, value = pair.partition("=")
        if key not in ASSUMPTIONS:
            raise unknown_name("assumption", key, ASSUMPTIONS)
        if value not in ASSUMPTIONS[key]:
            raise unknown_name(f"value of {key}", value, ASSUMPTIONS[key])
        if key == "curvature" and not variant.optimizer.startswith("sdlm"):
            raise UsageError(f"curvature belongs to sdlm, {variant.name} has {variant.optimizer}")
        if variant.structure == "microvit":
            raise UsageError(f"{key} belongs to the network of 1989, {variant.name} is another")
        if key in ("squash", "half") and variant.loss == "cross_entropy":
            raise UsageError(f"{key} belongs to squared error, {variant.name} has cross-entropy")
        made[key] = value
    for key in ASSUMPTIONS:
        if key in made:
            values: dict[str, Any] = ASSUMPTIONS[key][made[key]]
            variant = replace(variant, name=f"{variant.name}+{key}={made[key]}", **values)
    return variant
