"""The registry as tables, and as values for JSON."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from lecun89.network.architecture import ACTIVATIONS, MACS, PARAMETERS
from lecun89.network.structures import structure_of
from lecun89.render.lines import wrapped
from lecun89.render.tables import plain_table
from lecun89.variants import Variant

_GAP = 3  # between two columns
_OUTSIDE = "outside the ladder: "  # begins what such a variant changes


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


def variants_lines(
    variants: Collection[Variant], published: Mapping[str, Sequence[str]], width: int
) -> Iterator[str]:
    """The registry: for each rung a line of values, and what it changes below it.

    Args:
        variants: in the order of the ladder.
        published: the data on which a variant's published weights were trained, by its name.
        width: columns of the terminal; in a narrow one the values are wrapped, too.
    """
    headings = ("variant", "loss", "optimizer", "passes 1989 / full")
    rows = [_values(variant) for variant in variants]
    sizes = [max(map(len, cells)) for cells in zip(headings, *rows, strict=True)]
    table = sum(sizes) + _GAP * (len(sizes) - 1) <= width
    if table:
        yield _aligned(headings, sizes)
        yield "─" * (sum(sizes) + _GAP * (len(sizes) - 1))
    for variant, cells in zip(variants, rows, strict=True):
        changed = [variant.change.removeprefix(_OUTSIDE)]
        if table:
            yield _aligned(cells, sizes)
        else:
            name, loss, optimizer, passes = cells
            yield name
            changed += [f"{loss}, {optimizer}", f"passes {passes}"]
        for text in changed:
            yield from wrapped(text, width, indent="  ")
    yield ""
    for text in _remarks(variants, published):
        yield from wrapped(text, width)


def fields_table(variants: Collection[Variant]) -> Table:
    """Every value of variants, which are the columns."""
    fields = [asdict(variant) for variant in variants]
    rows = [
        (key.replace("_", " "), *(str(field[key]) for field in fields))
        for key in fields[0]
        if key not in ("name", "change", "passes", "unused", "on_data")
    ]
    return plain_table(["", *(variant.name for variant in variants)], rows)


def _remarks(
    variants: Collection[Variant], published: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """What several of them have in common."""
    outside = [variant.name for variant in variants if variant.change.startswith(_OUTSIDE)]
    yield f"outside the ladder: {', '.join(outside)}"
    for name, data in published.items():
        yield f"trained weights come with the package: {name} on {', '.join(data)}"
    others = [variant.name for variant in variants if not structure_of(variant).is_1989]
    yield (
        f"each but {', '.join(others[:-1])} and {others[-1]}: {PARAMETERS:,} parameters, {MACS:,} "
        f"multiply-accumulates, {ACTIVATIONS:,} activations"
    )


def _values(variant: Variant) -> tuple[str, str, str, str]:
    end = f" to {variant.lr / variant.lr_decay:g}" if variant.lr_decay != 1 else ""
    return (
        variant.name,
        "cross-entropy" if variant.loss == "cross_entropy" else "squared error",
        f"{variant.optimizer} {variant.lr:g}{' to 0' if variant.schedule == 'one_cycle' else end}",
        " / ".join(str(variant.passes_on(data)) for data in ("1989", "full")),
    )


def _aligned(cells: Sequence[str], sizes: Sequence[int]) -> str:
    """Cells in columns, the last one, of numbers, to the right."""
    *left, last = (
        cell.ljust(size) if index < len(cells) - 1 else cell.rjust(size)
        for index, (cell, size) in enumerate(zip(cells, sizes, strict=True))
    )
    return (" " * _GAP).join([*left, last])
