"""Many trainings as independent tasks: on this machine's cores, or on a cluster's."""

from lecun89.sweeps.grid import expand, expand_all, read_grids
from lecun89.sweeps.pools import local_pool, remote_pool
from lecun89.sweeps.sweep import Sweep, SweepResult
from lecun89.sweeps.table import COLUMNS, as_row, write_table

__all__ = [
    "COLUMNS",
    "Sweep",
    "SweepResult",
    "as_row",
    "expand",
    "expand_all",
    "local_pool",
    "read_grids",
    "remote_pool",
    "write_table",
]
