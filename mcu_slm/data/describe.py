"""The table of windows per class and split, for the command line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.data.dataset import Dataset


@dataclass(frozen=True)
class Table:
    """Rows of text under a header, with notes below."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def describe(dataset: Dataset) -> Table:
    """Return windows per class and split, then totals and groups, then how the data were split."""
    counts = dataset.class_counts
    names = tuple(counts)
    rows = [
        (label, *(f"{counts[name][index]}" for name in names))
        for index, label in enumerate(dataset.classes)
    ]
    rows.append(("all", *(f"{len(windows)}" for _, windows in dataset.splits())))
    groups = {name: np.unique(windows.group) for name, windows in dataset.splits()}
    if any(len(values) > 1 or values.any() for values in groups.values()):
        rows.append(("groups", *(f"{len(groups[name])}" for name in names)))
    shape = (
        f"{dataset.window_samples} samples at {dataset.sampling_rate_hz:g} Hz "
        f"({dataset.window_samples / dataset.sampling_rate_hz:g} s) of {len(dataset.channels)} "
        f"channels: {', '.join(dataset.channels)}"
    )
    return Table(
        header=("class", *names),
        rows=tuple(rows),
        notes=(shape, dataset.split, *(f"warning: {text}" for text in dataset.warnings)),
    )
