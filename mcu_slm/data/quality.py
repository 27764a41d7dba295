"""What is wrong with a whole data set: classes that a split lacks, dead channels, copies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import Dataset, Float32, Int64, Text
from mcu_slm.errors import DataError


def require_classes(dataset: Dataset) -> None:
    """Refuse a training or test split that lacks a class."""
    counts = dataset.class_counts
    for name in ("train", "test"):
        missing = [c for c, n in zip(dataset.classes, counts[name], strict=True) if n == 0]
        if missing:
            raise DataError(
                f"data.split ({dataset.split})",
                f"{name} has no window of class {listed(missing)}",
                "every class in training and in the test",
                "Record more, split otherwise, or drop the class with data.ignore_labels.",
                classes=tuple(missing),
                split=name,
            )


def quality_warnings(dataset: Dataset) -> list[str]:
    """Return what a user should know although training is possible."""
    return [
        *_constant_channels(dataset),
        *_classes_without_validation(dataset),
        *_copies(dataset),
    ]


def _constant_channels(dataset: Dataset) -> list[str]:
    """Name channels that never change in training."""
    constant = (dataset.train.x == dataset.train.x[:1, :1]).all(axis=(0, 1))
    return [
        f"channel {name} is constant in training ({value:g} {unit}); it can tell nothing"
        for name, unit, is_constant, value in zip(
            dataset.channels,
            dataset.channel_units,
            constant,
            dataset.train.x[0, 0],
            strict=True,
        )
        if is_constant
    ]


def _classes_without_validation(dataset: Dataset) -> list[str]:
    """Name classes that validation cannot judge."""
    counts = dataset.class_counts["validation"]
    missing = [c for c, n in zip(dataset.classes, counts, strict=True) if n == 0]
    return [f"validation has no window of class {listed(missing)}"] if missing else []


def _copies(dataset: Dataset) -> list[str]:
    """Find windows that are byte for byte the same although their splits or groups differ."""
    x = np.concatenate([windows.x for _, windows in dataset.splits()])
    group = np.concatenate([windows.group for _, windows in dataset.splits()])
    source = np.concatenate([windows.source for _, windows in dataset.splits()])
    split = np.concatenate([np.full(len(w), name) for name, w in dataset.splits()])
    prints = _fingerprints(x)
    order = np.argsort(prints, kind="stable")
    before, after = order[:-1], order[1:]
    differ = (group[before] != group[after]) | (split[before] != split[after])
    pairs = np.flatnonzero(differ & (prints[before] == prints[after]))
    return _copy_messages(x, source, split, before[pairs], after[pairs])


def _copy_messages(x: Float32, source: Text, split: Text, first: Int64, second: Int64) -> list[str]:
    """Return one sentence about pairs of equal windows; a flat line may repeat, it is no copy."""
    same = (x[first] == x[second]).all(axis=(1, 2)) & (x[first] != x[first, :1]).any(axis=(1, 2))
    if not same.any():
        return []
    a, b = int(first[same][0]), int(second[same][0])
    leak = int((split[first] != split[second])[same].sum())
    return [
        f"{int(same.sum())} windows are copies of windows of another group or split, {leak} "
        f"of them across splits: for example {source[a]} ({split[a]}) and {source[b]} ({split[b]})"
    ]


def _fingerprints(x: Float32) -> npt.NDArray[np.uint64]:
    """Return a 64-bit fingerprint of each window. Shapes: x: [n, T, C] -> [n]."""
    bits = np.ascontiguousarray(x).view(np.uint32).reshape(len(x), -1)
    factors = np.random.default_rng(0).integers(1, 2**63, bits.shape[1], np.uint64) * 2 + 1
    return np.asarray(np.einsum("nk,k->n", bits, factors, dtype=np.uint64), np.uint64)
