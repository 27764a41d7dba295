"""What is wrong with a whole data set: classes or targets that are missing, dead channels, copies.

A task that cannot be learned or judged at all is an error, anything less a warning.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import Dataset, Float32, Int64, Text
from mcu_slm.errors import DataError

_PREVAILING = 0.99


def require_classes(dataset: Dataset) -> None:
    """Refuse a training or test split that lacks a class, and training targets without any spread.

    Anomalies may be missing: they do not train, and what alarms on normal windows can be counted.
    """
    if dataset.task == "regression":
        _require_spread(dataset)
    if dataset.task not in ("classification", "events"):
        return
    what = "sample" if dataset.task == "events" else "window"
    counts = dataset.class_counts
    for name in ("train", "test"):
        missing = [c for c, n in zip(dataset.classes, counts[name], strict=True) if n == 0]
        if missing:
            raise DataError(
                f"data.split ({dataset.split})",
                f"{name} has no {what} of class {listed(missing)}",
                "every class in training and in the test",
                "Record more, split otherwise, or drop the class with data.ignore_labels.",
                classes=tuple(missing),
                split=name,
            )


def _require_spread(dataset: Dataset) -> None:
    """Refuse training targets that are all the same."""
    y = dataset.train.y
    if (y == y[0]).all():
        raise DataError(
            "data",
            f"all targets of the training windows are {y[0]:g} {dataset.target_unit}",
            "targets that differ",
            "Is task.min or task.max right? Targets outside are clipped.",
        )


def quality_warnings(dataset: Dataset) -> list[str]:
    """Return what a user should know although training is possible."""
    of_task = {
        "classification": [_one_class_prevails, _classes_without_validation],
        "events": [_one_class_prevails, _classes_without_validation],
        "anomaly": [_one_sort_in_test],
        "regression": [_targets_outside_training],
    }
    return [
        *_constant_channels(dataset),
        *(text for check in of_task[dataset.task] for text in check(dataset)),
        *_copies(dataset),
    ]


def _one_class_prevails(dataset: Dataset) -> list[str]:
    """Name a class so frequent in training that always answering it looks good."""
    counts = dataset.class_counts["train"]
    share = counts.max() / counts.sum()
    if share < _PREVAILING:
        return []
    what = "samples" if dataset.task == "events" else "windows"
    return [
        f"{counts.max()} of {counts.sum()} training {what} ({share:.2%}) are of class "
        f"{dataset.classes[int(counts.argmax())]}: accuracy says little here, and the other "
        "classes may never be answered"
    ]


def _one_sort_in_test(dataset: Dataset) -> list[str]:
    """Say if the test holds only normal or only anomalous windows."""
    normal, anomalous = dataset.class_counts["test"].tolist()
    if not anomalous:
        return ["the test has no anomaly: only false alarms can be counted"]
    return [] if normal else ["the test has no normal window: false alarms cannot be counted"]


def _targets_outside_training(dataset: Dataset) -> list[str]:
    """Say which splits have targets beyond those of training."""
    low, high = float(dataset.train.y.min()), float(dataset.train.y.max())
    warnings = []
    for name in ("validation", "test"):
        y = getattr(dataset, name).y
        outside = int(((y < low) | (y > high)).sum())
        if outside:
            warnings.append(
                f"{outside} of {len(y)} targets of the {name} ({y.min():g} to {y.max():g} "
                f"{dataset.target_unit}) lie outside those of training ({low:g} to {high:g})"
            )
    return warnings


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
    what = "sample" if dataset.task == "events" else "window"
    return [f"validation has no {what} of class {listed(missing)}"] if missing else []


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
