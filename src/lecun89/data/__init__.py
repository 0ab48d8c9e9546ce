"""The digits: MNIST by the data rule, or USPS; prepared once and verified at every use."""

from lecun89.data.digits import Digits, SoftLabels
from lecun89.data.directory import NOWHERE, default_data_dir, usable_data_dir, why_not_kept
from lecun89.data.labels import (
    labels_directory,
    labels_path,
    make_labels,
    read_labels,
    write_labels,
)
from lecun89.data.originals import read_originals
from lecun89.data.prepare import (
    DAMAGED,
    Prepared,
    load,
    load_or_make,
    prepare,
    prepared_state,
    verify,
)
from lecun89.data.reduction import reduce_images
from lecun89.data.sets import DATA, SPLITS, DataSet, get_data
from lecun89.data.training import digests, load_training

__all__ = [
    "DAMAGED",
    "DATA",
    "NOWHERE",
    "SPLITS",
    "DataSet",
    "Digits",
    "Prepared",
    "SoftLabels",
    "default_data_dir",
    "digests",
    "get_data",
    "labels_directory",
    "labels_path",
    "load",
    "load_or_make",
    "load_training",
    "make_labels",
    "prepare",
    "prepared_state",
    "read_labels",
    "read_originals",
    "reduce_images",
    "usable_data_dir",
    "verify",
    "why_not_kept",
    "write_labels",
]
