"""Recordings in, windows out: read, check, cut, split, normalise.

files --readers--> recordings --windowing--> windows --splitting--> Dataset(train, validation, test)
"""

from mcu_slm.data.dataset import Dataset, Normalisation, Windows, fit_normalisation

__all__ = ["Dataset", "Normalisation", "Windows", "fit_normalisation"]
