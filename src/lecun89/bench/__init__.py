"""What a machine takes to train: the cost of a step, and the time until an error is reached.

Rules and reasons are in docs/bench.md.
"""

from lecun89.bench.compare import Comparison, check_comparable, compare, read_result
from lecun89.bench.machine import busy, describe
from lecun89.bench.report import Row, as_document
from lecun89.bench.session import measure_rows, race_rows
from lecun89.bench.ways import list_ways

__all__ = [
    "Comparison",
    "Row",
    "as_document",
    "busy",
    "check_comparable",
    "compare",
    "describe",
    "list_ways",
    "measure_rows",
    "race_rows",
    "read_result",
]
