"""A file of answers that somebody else's model gave to the windows: soft labels.

    source  text [rows]              as in `Windows.source`
    start   whole numbers [rows]     as in `Windows.start`
    logits  numbers [rows, classes]  for classification; or
    values  numbers [rows]           for regression, in the task's unit

In an `.npz` these are arrays. A Parquet file has the columns `source` and `start` and one per
class, called like it, or `values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.data.checks import as_float32, as_text, listed, require_columns, require_same_length
from mcu_slm.data.dataset import SPLITS, Dataset, Float32, Int64, Text, Windows
from mcu_slm.data.files import display_name, reading
from mcu_slm.data.readers.parquet_files import read_parquet
from mcu_slm.errors import DataError

_MAX_NAMED = 5


@dataclass(frozen=True, eq=False)
class SoftLabelFile:
    """What a file of soft labels holds: answers per split, in the order of its windows.

    A split that is not wholly answered is left out.

    Shapes: answers: [n, classes], or [n, 1] for regression.

    Args:
        unused: Rows of the file that belong to no window.
    """

    answers: dict[str, Float32]
    unused: int


def load_soft_labels(
    path: Path, project_dir: Path, dataset: Dataset, required: Sequence[str]
) -> SoftLabelFile:
    """Read the file's answers to the windows of each split.

    Args:
        path: An `.npz` or `.parquet` file.
        project_dir: Folder that the file's name is shown relative to.
        dataset: The windows.
        required: Splits of which every window must be answered.

    Raises:
        DataError: the file is unreadable, rows are missing, there twice, or not finite numbers.
        ToolError: pyarrow is not installed.
    """
    name = display_name(path, project_dir)
    if not path.is_file():
        raise DataError(
            name, "no such file", "soft labels", "Paths are relative to the project file."
        )
    columns = dataset.classes if dataset.task != "regression" else ("values",)
    read = _read_parquet if path.suffix == ".parquet" else _read_npz
    source, start, answers = read(path, name, columns, dataset.task == "regression")
    _require_finite(answers, name, columns)
    rows = _rows_by_window(source, start, name)
    found: dict[str, Float32] = {}
    used: set[int] = set()
    for split, windows in dataset.splits():
        index = [rows.get(key, -1) for key in _keys(windows.source, windows.start)]
        at = np.array(index, np.int64)
        used.update(index)
        if (at >= 0).all():
            found[split] = answers[at]
        elif split in required:
            raise _missing(name, split, windows, at < 0)
    return SoftLabelFile(found, len(rows) - len(used - {-1}))


def window_arrays(dataset: Dataset) -> dict[str, npt.NDArray[Any]]:
    """Return the windows to be answered, with all that another model may want to know.

    Shapes: x: [n, T, C] in physical units; source, start, split: [n]; label: as in `Windows.y`.
    """
    parts = [windows for _, windows in dataset.splits()]
    splits = np.repeat(np.array(SPLITS), [len(windows) for windows in parts])
    return {
        "x": np.concatenate([windows.x for windows in parts]),
        "source": np.concatenate([windows.source for windows in parts]),
        "start": np.concatenate([windows.start for windows in parts]),
        "split": splits,
        "label": np.concatenate([windows.y for windows in parts]),
        "classes": np.array(dataset.classes, np.str_),
        "channels": np.array(dataset.channels, np.str_),
        "channel_units": np.array(dataset.channel_units, np.str_),
        "sampling_rate_hz": np.array(dataset.sampling_rate_hz),
    }


def _read_npz(
    path: Path, name: str, columns: Sequence[str], values_only: bool
) -> tuple[Text, npt.NDArray[Any], Float32]:
    """Return sources, starts and answers of an archive."""
    what = "values" if values_only else "logits"
    with reading(name):
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(name, "is one array", "an .npz archive of named arrays")
        with archive:
            require_columns(["source", "start", what], archive.files, name, "array")
            source, start, answers = (archive[key] for key in ("source", "start", what))
    for key, array in (("source", source), ("start", start)):
        require_same_length(len(answers) if answers.ndim else 0, array, name, key, what)
    if values_only and answers.ndim == 1:
        answers = answers[:, None]
    if answers.ndim != 2 or answers.shape[1] != len(columns):
        classes = f": {listed(columns)}" if not values_only else ""
        raise DataError(
            f"{name}: {what}",
            f"has shape {list(answers.shape)}",
            f"[rows, {len(columns)}]{classes}",
            "Give one number per class, in this order.",
        )
    return as_text(source, f"{name}: source"), start, as_float32(answers, name, f"array {what!r}")


def _read_parquet(
    path: Path, name: str, columns: Sequence[str], values_only: bool
) -> tuple[Text, npt.NDArray[Any], Float32]:
    """Return sources, starts and answers of a Parquet file, of either kind."""
    del values_only  # there the column is called so
    answers, text = read_parquet(path, name, columns, ["source", "start"])
    with reading(f"{name}: start"):
        return text["source"], text["start"].astype(np.int64), answers


def _require_finite(answers: Float32, name: str, columns: Sequence[str]) -> None:
    bad = ~np.isfinite(answers)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            f"{name}: {columns[column]}",
            f"data row {row + 1} is {answers[row, column]}, the first of {int(bad.sum())} answers "
            "that are not finite",
            "finite numbers",
            "Let the model answer those windows again, or leave them out of the recordings.",
            count=int(bad.sum()),
        )


def _keys(source: Text, start: npt.NDArray[Any]) -> list[tuple[str, int]]:
    return list(zip(source.tolist(), start.tolist(), strict=True))


def _rows_by_window(source: Text, start: npt.NDArray[Any], name: str) -> dict[tuple[str, int], int]:
    """Return the row of each window.

    Raises:
        DataError: two rows belong to one window, or a start is no whole number.
    """
    if start.dtype.kind not in "iu":
        raise DataError(f"{name}: start", f"holds {start.dtype}", "whole numbers")
    rows: dict[tuple[str, int], int] = {}
    for number, key in enumerate(_keys(source, start.astype(np.int64))):
        if key in rows:
            raise DataError(
                name,
                f"data rows {rows[key] + 1} and {number + 1} both belong to the window at sample "
                f"{key[1]} of {key[0]}",
                "one row per window",
            )
        rows[key] = number
    return rows


def _missing(name: str, split: str, windows: Windows, absent: npt.NDArray[np.bool_]) -> DataError:
    """Return the error that names windows without an answer."""
    places: Int64 = np.flatnonzero(absent)
    named = [f"sample {windows.start[i]} of {windows.source[i]}" for i in places[:_MAX_NAMED]]
    more = f" and {len(places) - len(named):,} more" if len(places) > len(named) else ""
    return DataError(
        name,
        f"{len(places):,} of {len(windows):,} {split} windows have no row: "
        f"{', '.join(named)}{more}",
        "a row with the source and start of each window",
        "Let the model answer what `mcu-slm windows PROJECT --export FILE.npz` writes.",
        count=len(places),
        split=split,
    )
