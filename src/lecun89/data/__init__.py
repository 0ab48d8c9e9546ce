"""The digits: MNIST by the data rule, prepared once and verified at every use."""

from lecun89.data.digits import Digits
from lecun89.data.prepare import (
    DAMAGED,
    DATA,
    SPLITS,
    Prepared,
    default_data_dir,
    get_data,
    load,
    prepare,
    prepared_state,
    verify,
)

__all__ = [
    "DAMAGED",
    "DATA",
    "SPLITS",
    "Digits",
    "Prepared",
    "default_data_dir",
    "get_data",
    "load",
    "prepare",
    "prepared_state",
    "verify",
]
