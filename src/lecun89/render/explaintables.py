"""What `lecun89 explain` finds, as tables and as values for JSON."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from lecun89.analysis.arithmetic import OPEN_IN_PAPER, Explanation
from lecun89.render.tables import plain_table
from lecun89.variants.overrides import ASSUMPTIONS


def document(explanation: Explanation) -> dict[str, Any]:
    """An explanation as values for JSON."""
    return {
        "variant": explanation.variant.name,
        "layers": [{**asdict(row), "equal": row.equal} for row in explanation.layers],
        "assumptions": [
            {"what": what, "here": here, "paper": paper} for what, here, paper in OPEN_IN_PAPER
        ],
        "switches": [
            {"key": key, "values": list(ASSUMPTIONS[key]), "value": value}
            for key, value in explanation.assumptions.items()
        ],
        "costs": [asdict(cost) for cost in explanation.costs],
    }


def layers_table(explanation: Explanation) -> Table:
    """Each layer's counts, and whether they are the paper's."""
    rows = [
        (
            row.name,
            f"{row.units:,}",
            f"{row.activations:,}",
            f"{row.connections:,}",
            f"{row.parameters:,}",
            f"{row.macs:,}",
            "equal" if row.equal else "{:,} / {:,} / {:,}".format(*row.paper),
        )
        for row in explanation.layers
    ]
    columns = ["layer", ">units", ">activations", ">connections", ">parameters", ">MACs", "paper"]
    return plain_table(columns, rows)


def open_table() -> Table:
    """Where the paper is silent or was read otherwise."""
    return plain_table(["open in the paper", "in base", "paper"], OPEN_IN_PAPER)


def assumptions_table(explanation: Explanation) -> Table:
    """What may be assumed, and what the variant has."""
    rows = [
        (f"{key}=", ", ".join(ASSUMPTIONS[key]), value or "another")
        for key, value in explanation.assumptions.items()
    ]
    return plain_table(["--assume", "one of", f"in {explanation.variant.name}"], rows)


def costs_table(explanation: Explanation) -> Table:
    """What it costs to read a digit."""
    rows = [
        (
            cost.variant,
            f"{cost.file_bytes:,} bytes",
            f"{cost.single_us:.0f} us",
            f"{cost.batched_us:.1f} us",
        )
        for cost in explanation.costs
    ]
    columns = ["to read a digit", ">weights file", ">alone", ">in a batch of 1,000"]
    return plain_table(columns, rows)
