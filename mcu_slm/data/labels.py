"""Map the labels of the data to class numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mcu_slm.config import DataConfig
from mcu_slm.data.checks import listed
from mcu_slm.data.dataset import Int64, Text
from mcu_slm.data.windowing import Recordings
from mcu_slm.errors import DataError

MAX_CLASSES = 255
"""The board reports its class count in one byte."""
MAX_NAME = 64
"""Longest class name, as in the project file."""


def drop_ignored(recordings: list[Recordings], config: DataConfig) -> list[Recordings]:
    """Leave out the recordings whose label the project ignores."""
    ignored = [str(label) for label in config.ignore_labels]
    kept = ((item, np.flatnonzero(~np.isin(item.labels, ignored))) for item in recordings)
    return [item.take(rows) for item, rows in kept if len(rows)]


def number_classes(labels: Text, config: DataConfig) -> tuple[Int64, tuple[str, ...]]:
    """Return the class number of each label, and the class names.

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
        f"{label!r} ({count} windows)"
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
