"""The registry as tables, and as values for JSON."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from lecun89.network.architecture import ACTIVATIONS, MACS, PARAMETERS
from lecun89.network.structures import structure_of
from lecun89.render.tables import plain_table
from lecun89.variants import Variant


def variant_documents(
    variants: Iterable[Variant], published: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Variants with their counts as values for JSON; arguments as of `variants_table`."""
    return [
        {
            **asdict(variant),
            "parameters": structure.parameters,
            "macs": structure.macs,
            "published": list(published.get(variant.name, ())),
            "activations": structure.activations,
        }
        for variant, structure in ((variant, structure_of(variant)) for variant in variants)
    ]


def variants_table(variants: Collection[Variant], published: Mapping[str, Sequence[str]]) -> Table:
    """The registry, a row for each rung.

    Args:
        variants: in the order of the ladder.
        published: the data on which a variant's published weights were trained, by its name.
    """
    rows = [
        (
            variant.name,
            variant.change,
            "cross-entropy" if variant.loss == "cross_entropy" else "squared error",
            f"{variant.optimizer} {variant.lr:g}"
            + (f" to {variant.lr / variant.lr_decay:g}" if variant.lr_decay != 1 else "")
            + (" to 0" if variant.schedule == "one_cycle" else ""),
            " / ".join(str(variant.passes_on(data)) for data in ("1989", "full")),
            ", ".join(published.get(variant.name, ())),
        )
        for variant in variants
    ]
    headings = ["variant", "change", "loss", "optimizer", ">passes 1989 / full", "weights"]
    table = plain_table(headings, rows)
    others = [variant.name for variant in variants if not structure_of(variant).is_1989]
    table.caption = (
        f"each but {' and '.join(others)}: {PARAMETERS:,} parameters, {MACS:,} "
        f"multiply-accumulates, {ACTIVATIONS:,} activations"
    )
    table.caption_justify = "left"
    return table


def fields_table(variants: Collection[Variant]) -> Table:
    """Every value of variants, which are the columns."""
    fields = [asdict(variant) for variant in variants]
    rows = [
        (key.replace("_", " "), *(str(field[key]) for field in fields))
        for key in fields[0]
        if key not in ("name", "change", "passes", "unused", "on_data")
    ]
    return plain_table(["", *(variant.name for variant in variants)], rows)
