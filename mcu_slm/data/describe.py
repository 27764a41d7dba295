"""The table of what each split holds, for the command line: per class, or how targets lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcu_slm.data.dataset import SPLITS, Dataset

Float64: TypeAlias = npt.NDArray[np.float64]

_HEADS = {
    "classification": "class",
    "anomaly": "class",
    "events": "samples of class",
    "regression": "target [{unit}]",
}


@dataclass(frozen=True)
class Table:
    """Rows of text under a header, with notes below."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def describe(dataset: Dataset) -> Table:
    """Return windows per class and split, then totals and groups, then how the data were split.

    Events are counted by samples; of targets the range and the spread are given.
    """
    names = SPLITS
    rows = _target_rows(dataset) if dataset.task == "regression" else _class_rows(dataset)
    total = "windows" if dataset.task in ("events", "regression") else "all"
    rows.append((total, *(f"{len(windows)}" for _, windows in dataset.splits())))
    groups = {name: np.unique(windows.group) for name, windows in dataset.splits()}
    if any(len(values) > 1 or values.any() for values in groups.values()):
        rows.append(("groups", *(f"{len(groups[name])}" for name in names)))
    shape = (
        f"{dataset.window_samples} samples at {dataset.sampling_rate_hz:g} Hz "
        f"({dataset.window_samples / dataset.sampling_rate_hz:g} s) of {len(dataset.channels)} "
        f"channels: {', '.join(dataset.channels)}"
    )
    return Table(
        header=(_HEADS[dataset.task].format(unit=dataset.target_unit), *names),
        rows=tuple(rows),
        notes=(shape, dataset.split, *(f"warning: {text}" for text in dataset.warnings)),
    )


def _class_rows(dataset: Dataset) -> list[tuple[str, ...]]:
    """Return how often each class occurs in each split."""
    counts = dataset.class_counts
    return [
        (label, *(f"{counts[name][index]}" for name in SPLITS))
        for index, label in enumerate(dataset.classes)
    ]


def _target_rows(dataset: Dataset) -> list[tuple[str, ...]]:
    """Return smallest, mean and largest target of each split, and their standard deviation."""
    targets = [windows.y.astype(np.float64) for _, windows in dataset.splits()]
    figures: dict[str, Callable[[Float64], Any]] = {
        "smallest": np.min,
        "mean": np.mean,
        "largest": np.max,
        "standard deviation": np.std,
    }
    return [(name, *(f"{figure(y):.4g}" for y in targets)) for name, figure in figures.items()]
