"""Many trainings as one: seeds, grids, the ladder; on this machine or on a cluster."""

from lecun89.sweeps.grid import expand, expand_all, parse_pairs, read_grids
from lecun89.sweeps.labels import labels
from lecun89.sweeps.seeds import change_seeds, create_seeds, is_seeds, open_seeds
from lecun89.sweeps.session import Workers, refuse_failed, train
from lecun89.sweeps.sweep import TABLE, Finished, Sweep, SweepResult
from lecun89.sweeps.table import COLUMNS, as_row, write_table

__all__ = [
    "COLUMNS",
    "TABLE",
    "Finished",
    "Sweep",
    "SweepResult",
    "Workers",
    "as_row",
    "change_seeds",
    "create_seeds",
    "expand",
    "expand_all",
    "is_seeds",
    "labels",
    "open_seeds",
    "parse_pairs",
    "read_grids",
    "refuse_failed",
    "train",
    "write_table",
]
