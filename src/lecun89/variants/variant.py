"""What a variant is. Nothing here needs PyTorch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from lecun89.exceptions import UsageError

_DISTORTIONS = (
    *("rotation", "scaling", "shear", "translation", "elastic", "elastic_sigma", "stroke"),
)
_RANGES = (
    ("rotation", 0, 180),
    ("scaling", 0, 2),
    ("shear", 0, 4),
    ("translation", 0, 16),
    ("elastic", 0, 16),
    ("elastic_sigma", 1, 16),
    ("stroke", 0, 4),
    ("shift", 0, 2),
    ("dropout", 0, 0.99),
    ("label_smoothing", 0, 0.99),
    ("target", 0.01, 2),
    ("planes", 3, 24),
    ("temperature", 0.01, 10),
    ("weight_decay", 0, 10),
    ("lr_decay", 1e-6, 1e6),
)


def base_data(data: str) -> str:
    """The data set whose settings are chosen on this one: ``1989`` for ``1989-tune``."""
    return re.sub(r"-(tune|fold\d)$", "", data)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Network, loss, optimizer, schedule, augmentation and passes of one named training.

    Attributes:
        name: its name in the registry.
        change: what differs from the rung above, in words.
        structure: of the network, by its name in `lecun89.network.structures.STRUCTURES`.
        activation: of H1, H2 and H3; ``scaled_tanh`` is 1.7159 tanh(2/3 x).
        output_activation: of out; None leaves its sums as they are (logits).
        output_bias: initial value of out's biases.
        initialization: weights are uniform within 2.4 / ``sqrt_fan_in``, or 2.4 / ``fan_in``.
        planes: of H1, and of H2.
        table: which planes of H1 those of H2 see; see `lecun89.network.architecture.planes_seen`.
        loss: mean over examples and outputs of the squared difference to targets, or half of it,
            or softmax cross-entropy, the mean over examples.
        target: of squared error, that of the digit's own output; of the others, the negative.
        optimizer: PyTorch's, with PyTorch's defaults but for the learning rate; or stochastic
            diagonal Levenberg-Marquardt, its curvature a running mean over examples (``sdlm``) or
            estimated before each pass (``sdlm_by_pass``).
        damping: of SDLM, added to the curvature.
        memory: of SDLM, the newest example's share of the running mean.
        weight_decay: of AdamW.
        lr: the highest learning rate: that of the first pass, or where one cycle is highest.
        lr_decay: the last pass of a linear schedule runs at lr / lr_decay, those between on a
            straight line.
        schedule: ``linear``, or ``one_cycle`` (after Smith and Topin 2018): for a tenth of the
            passes up on a straight line, then down to 0 on half a cosine.
        shift: largest roll of an image, in pixels, in y and x; drawn for each example.
        rotation: largest angle by which an image is turned, in degrees. This and the next six are
            distortions drawn for each example, uniformly up to that much in both directions; see
            `lecun89.engines.distortions`.
        scaling: largest logarithm of the factors in y and in x.
        shear: largest slant, x by y.
        translation: largest move in y and in x, in pixels; what leaves the image is gone.
        elastic: standard deviation of an elastic field's displacements, in pixels.
        elastic_sigma: of the Gaussian that smooths the field, in pixels.
        stroke: largest logarithm by which strokes are made thicker or thinner.
        shuffle: whether each pass presents the digits in another order.
        label_smoothing: share of the target that is spread over all ten classes.
        teacher: whether targets are what a teacher says of each distorted digit (Hinton, Vinyals
            and Dean 2015), instead of the labels; see `lecun89.teachers`.
        temperature: by which the teacher's logits are divided: below 1, it is surer of itself.
        dropout: probability that a unit is dropped.
        dropout_after: the layer whose outputs are dropped.
        batch_size: examples in a step.
        passes: passes over the training split, by name of the data; see `passes_on`.
        unused: fields that its structure does not read, so that they cannot be set.
        on_data: distortions and teaching that are others on some data, by its name; see `on`.
    """

    name: str
    change: str
    structure: str = "1989"
    activation: Literal["tanh", "scaled_tanh", "relu", "gelu", "silu"]
    output_activation: Literal["tanh", "scaled_tanh"] | None
    output_bias: float
    initialization: Literal["sqrt_fan_in", "fan_in"] = "sqrt_fan_in"
    planes: int = 12
    table: Literal["thirds", "cyclic"] = "thirds"
    loss: Literal["mse", "half_mse", "cross_entropy"]
    target: float = 1.0
    optimizer: Literal["sgd", "adamw", "sdlm", "sdlm_by_pass"]
    weight_decay: float = 0.01
    damping: float = 0.05
    memory: float = 0.05
    lr: float
    lr_decay: float = 1.0
    schedule: Literal["linear", "one_cycle"] = "linear"
    shift: int = 0
    rotation: float = 0.0
    scaling: float = 0.0
    shear: float = 0.0
    translation: float = 0.0
    elastic: float = 0.0
    elastic_sigma: float = 2.3
    stroke: float = 0.0
    shuffle: bool = False
    label_smoothing: float = 0.0
    teacher: bool = False
    temperature: float = 1.0
    dropout: float = 0.0
    dropout_after: Literal["H2", "H3"] | None = None
    batch_size: int = 1
    passes: dict[str, int]
    unused: tuple[str, ...] = ()
    on_data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that do not go together."""
        allowed = {*_DISTORTIONS, "teacher", "temperature"}
        assert all(values.keys() <= allowed for values in self.on_data.values()), self.name
        for key, least, most in _RANGES:
            if not least <= getattr(self, key) <= most:
                words = key.replace("_", "-")
                raise UsageError(f"{words} {getattr(self, key)} is out of range: {least} to {most}")
        if (self.dropout > 0) != (self.dropout_after is not None):
            raise UsageError(f"dropout and dropout-after of {self.name} go together")
        if self.loss != "cross_entropy" and (self.teacher or self.label_smoothing):
            raise UsageError(f"{self.name} has no cross-entropy for a teacher or label-smoothing")
        if self.shift and self.distorts:
            raise UsageError(f"{self.name} has distortions: give translation instead of shift")
        if self.teacher and not self.distorts:
            raise UsageError(f"a teacher labels distorted digits; {self.name} has no distortions")
        if self.optimizer.startswith("sdlm") and self.activation in ("gelu", "silu"):
            raise UsageError(f"{self.optimizer} knows no {self.activation}")

    def on(self, data: str) -> Self:
        """The variant as it is trained on that data."""
        values = self.on_data.get(base_data(data), {})
        return replace(self, **values, on_data={})

    @property
    def distortions(self) -> dict[str, float]:
        """The strength of each distortion, by its field."""
        return {name: getattr(self, name) for name in _DISTORTIONS}

    @property
    def distorts(self) -> bool:
        """Whether images are distorted."""
        return any(value for name, value in self.distortions.items() if name != "elastic_sigma")

    @property
    def constant_rate(self) -> bool:
        """Whether every pass has the same learning rate, however many passes there are."""
        return self.schedule == "linear" and self.lr_decay == 1.0

    def passes_on(self, data: str) -> int:
        """Passes over the training split of that data: those of ``1989`` if it has none itself."""
        return self.passes.get(base_data(data), self.passes["1989"])
