"""The digits: MNIST by the data rule, or USPS; prepared once and verified at every use."""

from lecun89.data.digits import Digits
from lecun89.data.originals import read_originals
from lecun89.data.prepare import (
    DAMAGED,
    Prepared,
    default_data_dir,
    load,
    prepare,
    prepared_state,
    verify,
)
from lecun89.data.sets import DATA, SPLITS, DataSet, get_data

__all__ = [
    "DAMAGED",
    "DATA",
    "SPLITS",
    "DataSet",
    "Digits",
    "Prepared",
    "default_data_dir",
    "get_data",
    "load",
    "prepare",
    "prepared_state",
    "read_originals",
    "verify",
]
