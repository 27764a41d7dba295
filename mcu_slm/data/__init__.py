"""Recordings in, windows out: read, check, cut, split, normalise.

files --readers--> Recordings --windowing--> Pool --splitting--> Dataset(train, validation, test)
"""

from mcu_slm.data.dataset import (
    Dataset,
    Normalisation,
    Windows,
    fit_normalisation,
)
from mcu_slm.data.describe import Table, describe
from mcu_slm.data.load import SplitPair, load_dataset, load_split_pair, normalisation_for

__all__ = [
    "Dataset",
    "Normalisation",
    "SplitPair",
    "Table",
    "Windows",
    "describe",
    "fit_normalisation",
    "load_dataset",
    "load_split_pair",
    "normalisation_for",
]
