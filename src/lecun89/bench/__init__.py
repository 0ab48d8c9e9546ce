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
from lecun89.bench.machine import busy
from lecun89.bench.session import Plan, Session

__all__ = [
    "Comparison",
    "Plan",
    "Session",
    "busy",
    "check_comparable",
    "check_not_slower",
    "compare",
    "read_result",
]
