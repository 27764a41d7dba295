"""Map the labels of the data to class numbers, or to normal and anomaly; clip targets."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from mcu_slm.config import AnomalyTask, DataConfig, RegressionTask, TaskConfig
from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import Int64, Mask, Text
from mcu_slm.data.windowing import Recordings
from mcu_slm.errors import DataError

MAX_CLASSES = 255
"""The board reports its class count in one byte."""
ANOMALY_CLASSES = ("normal", "anomaly")
"""Class names of the anomaly task, in the order of their numbers."""
MAX_NAME = 64
"""Longest class name, as in the project file."""


def drop_ignored(recordings: list[Recordings], config: DataConfig) -> list[Recordings]:
    """Leave out the recordings, or the stretches of them, whose label the project ignores."""
    ignored = [str(label) for label in config.ignore_labels]
    if not ignored:
        return recordings
    result = []
    for item in recordings:
        drop = np.isin(item.labels, ignored)
        if drop.ndim > 1 and drop.shape[1] > config.window_samples:
            result += [piece for row in range(len(drop)) for piece in _stretches(item, row, drop)]
        elif not drop.all():
            # A row that is one window goes as a whole: it has no other stretch as long.
            rows = ~(drop.any(axis=1) if drop.ndim > 1 else drop)
            result += [item.take(np.flatnonzero(rows))] if rows.any() else []
    return result


def _stretches(item: Recordings, row: int, drop: Mask) -> Iterator[Recordings]:
    """Yield what is left of one recording: the stretches between ignored samples."""
    edges = np.flatnonzero(drop[row, 1:] != drop[row, :-1]) + 1
    whole = item.take(np.array([row]))
    source = item.source if len(drop) == 1 else f"{item.source}#{row}"
    origin = 0 if whole.starts is None else int(whole.starts[0])
    for begin, end in itertools.pairwise([0, *edges.tolist(), drop.shape[1]]):
        if not drop[row, begin]:
            yield replace(
                whole,
                x=whole.x[:, begin:end],
                labels=whole.labels[:, begin:end],
                source=source,
                starts=np.array([origin + begin], np.int64),
            )


def truth_per_sample(
    recordings: list[Recordings], config: DataConfig, task: TaskConfig
) -> tuple[list[Recordings], tuple[str, ...]]:
    """Return recordings with numbers in place of labels, one per sample; and the class names.

    Raises:
        DataError: a label belongs to no class, or no sample is normal.
    """
    spread = [
        item
        if item.labels.ndim > 1
        else replace(item, labels=np.repeat(item.labels[:, None], item.x.shape[1], axis=1))
        for item in recordings
    ]
    if isinstance(task, RegressionTask):
        return [
            replace(item, labels=np.clip(item.labels, task.min, task.max).astype(np.float32))
            for item in spread
        ], ()
    if isinstance(task, AnomalyTask):
        normal = [str(label) for label in task.normal_labels]
        _require_normal(spread, normal)
        codes = [(~np.isin(item.labels, normal)).astype(np.int64) for item in spread]
        classes: tuple[str, ...] = ANOMALY_CLASSES
    else:
        flat = np.concatenate([item.labels.ravel() for item in spread])
        numbers, classes = number_classes(flat, config, "samples")
        ends = np.cumsum([item.labels.size for item in spread])[:-1]
        parts = np.split(numbers, ends)
        codes = [part.reshape(i.labels.shape) for part, i in zip(parts, spread, strict=True)]
    return [replace(item, labels=y) for item, y in zip(spread, codes, strict=True)], classes


def _require_normal(recordings: list[Recordings], normal: list[str]) -> None:
    """Refuse names of normal labels that no sample has: the others would be taken for anomalies."""
    there = sorted({str(v) for item in recordings for v in np.unique(item.labels)}, key=_natural)
    missing = [label for label in normal if label not in there]
    if missing:
        raise DataError(
            "task.normal_labels",
            f"no sample has the label {listed(missing)}",
            f"labels among {listed(there)}",
        )


def number_classes(
    labels: Text, config: DataConfig, counted: str = "windows"
) -> tuple[Int64, tuple[str, ...]]:
    """Return the class number of each label (one per window, or per sample), and the class names.

    Raises:
        DataError: a label belongs to no class, or there are not 2 to 255 classes.
    """
    there, counts = np.unique(labels, return_counts=True)
    classes = config.classes or tuple(sorted((str(label) for label in there), key=_natural))
    if not config.classes:
        _require_names(classes)
    known = [str(label) for label in config.class_labels or classes]
    if len(classes) < 2:
        raise DataError(
            "data", f"all labels are the same: {listed(classes)}", "at least two classes"
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            "data",
            f"the labels have {len(classes)} different values ({listed(classes)})",
            f"at most {MAX_CLASSES} classes",
            "Is the label column right?",
        )
    unknown = [
        f"{label!r} ({count} {counted})"
        for label, count in zip(there.tolist(), counts.tolist(), strict=True)
        if label not in known
    ]
    if unknown:
        field = "class_labels" if config.class_labels else "classes"
        raise DataError(
            f"data.{field}",
            f"the data also hold {listed(unknown)}",
            f"labels among {listed(known)}",
            "Add them to the classes or to data.ignore_labels.",
        )
    order = np.argsort(known)
    return order[np.searchsorted(np.array(known)[order], labels)].astype(np.int64), classes


def _require_names(classes: tuple[str, ...]) -> None:
    """Refuse labels that cannot be class names: these end up in C strings and in the model."""
    for label in classes:
        if not label.strip() or not label.isprintable() or len(label) > MAX_NAME:
            raise DataError(
                "data.label",
                f"the label {label[:MAX_NAME]!r} cannot name a class",
                f"1 to {MAX_NAME} printable characters",
                "Name the classes in data.classes and their labels in data.class_labels, "
                "or add the label to data.ignore_labels.",
            )


def _natural(label: str) -> tuple[Any, ...]:
    """Return a sort key that puts 2 before 10, and numbers before words."""
    return (0, int(label), "") if re.fullmatch(r"-?[0-9]{1,18}", label) else (1, 0, label)
