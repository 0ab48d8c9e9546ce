"""A variant with other values: what the paper leaves open, and any single field by its name."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, get_args, get_type_hints

from lecun89.exceptions import UsageError, unknown_name
from lecun89.parsing import parse_number
from lecun89.variants.variant import Variant

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


FIELDS = {
    field.replace("_", "-"): field
    for field in (
        *("activation", "schedule", "lr_decay", "weight_decay", "label_smoothing", "shuffle"),
        *("teacher", "temperature", "dropout", "dropout_after", "shift", "rotation", "scaling"),
        *("shear", "translation", "elastic", "elastic_sigma", "stroke", "planes", "target"),
    )
}
"""Fields of `Variant` that may be set on their own, as in ``record+elastic=0.8``; by their keys."""

_KINDS = get_type_hints(Variant)

KEYS = (*ASSUMPTIONS, *FIELDS)
"""What may be assumed, in the order of names."""


def assumed(variant: Variant, pairs: Iterable[str]) -> Variant:
    """A variant of the registry with other values, each like ``squash=scaled``; a later one counts.

    Raises:
        UsageError: a key or value is not known, or does not go with the variant.
    """
    made: dict[str, tuple[str, dict[str, Any]]] = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        if key == "sharpness":  # of lecun89 0.6 and before
            key, text = "temperature", _inverse(text)
        if key not in KEYS:
            raise unknown_name("assumption", key, KEYS)
        _check_open(variant, key)
        if key in ASSUMPTIONS:
            made[key] = text, ASSUMPTIONS[key][_one_of(key, text, ASSUMPTIONS[key])]
        else:
            value = _parsed(FIELDS[key], text)
            made[key] = in_words(value), {FIELDS[key]: value}
        if not made[key][1].keys().isdisjoint(variant.unused):
            raise UsageError(
                f"{key} has no effect on {variant.name}, whose structure is {variant.structure}"
            )
    if not made:
        return variant
    words = [f"+{key}={made[key][0]}" for key in KEYS if key in made]
    values: dict[str, Any] = {}
    for key in KEYS:
        values |= made.get(key, ("", {}))[1]
    # What is asked for holds on all data.
    on_data = {
        data: {field: value for field, value in fields.items() if field not in values}
        for data, fields in variant.on_data.items()
    }
    changed = replace(variant, name=variant.name + "".join(words), on_data=on_data, **values)
    for key in made:
        _check_used(changed, key)
    return changed


def _check_open(variant: Variant, key: str) -> None:
    if key == "curvature" and not variant.optimizer.startswith("sdlm"):
        raise UsageError(f"curvature only applies to sdlm; {variant.name} has {variant.optimizer}")
    if key in ("squash", "half", "target") and variant.loss == "cross_entropy":
        raise UsageError(f"{key} only applies to squared error; {variant.name} has cross-entropy")


def _check_used(variant: Variant, key: str) -> None:
    """Refuse a field that changes nothing, lest it be taken for one without effect."""
    everywhere = [variant, *(variant.on(data) for data in variant.on_data)]
    lacking = {
        "weight-decay": ("AdamW", variant.optimizer == "adamw"),
        "lr-decay": ("a linear schedule", variant.schedule == "linear"),
        "elastic-sigma": ("elastic", any(one.elastic for one in everywhere)),
        "temperature": ("a teacher", any(one.teacher for one in everywhere)),
        "label-smoothing": ("targets from labels", not all(one.teacher for one in everywhere)),
    }
    what, there = lacking.get(key, ("", True))
    if not there:
        raise UsageError(f"{key} only applies to {what}; {variant.name} has none")


def _parsed(field: str, text: str) -> Any:
    kind = _KINDS[field]
    if kind is bool:
        return _one_of(field, text, ("yes", "no")) == "yes"
    if kind in (int, float):
        return parse_number(field.replace("_", "-"), text, kind)
    # A Literal, or that or None.
    words = [word for part in (kind, *get_args(kind)) for word in get_args(part)]
    known = [word for word in words if isinstance(word, str)]
    if type(None) in get_args(kind):
        known.append("none")
    return None if _one_of(field, text, known) == "none" else text


def _inverse(sharpness: str) -> str:
    value = parse_number("sharpness", sharpness, float)
    return str(1 / value if value else math.inf)


def _one_of(key: str, text: str, known: Iterable[str]) -> str:
    if text not in known:
        raise unknown_name(f"value of {key.replace('_', '-')}", text, known)
    return text


def in_words(value: Any) -> str:
    """A value as it stands in a variant's name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
