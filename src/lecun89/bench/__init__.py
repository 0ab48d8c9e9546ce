"""What a machine takes to train: the cost of a step, and the time to a target error.

Rules and reasons are in docs/bench.md.
"""

from lecun89.bench.compare import (
    Comparison,
    check_comparable,
    check_not_slower,
    compare,
    read_result,
)
from lecun89.bench.machine import busy, describe
from lecun89.bench.session import Plan, Session
from lecun89.bench.whole import measure_whole_training

__all__ = [
    "Comparison",
    "Plan",
    "Session",
    "busy",
    "check_comparable",
    "check_not_slower",
    "compare",
    "describe",
    "measure_whole_training",
    "read_result",
]
