"""Read `.npz` files of windows that are already cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.config import ArraySet, NpzData
from mcu_slm.data.checks import (
    as_float32,
    as_text,
    require_channel_count,
    require_columns,
    require_finite,
    require_same_length,
    require_targets,
)
from mcu_slm.data.dataset import TaskKind, Truth
from mcu_slm.data.files import reading
from mcu_slm.data.windowing import Recordings, countdown
from mcu_slm.errors import DataError


def read_npz(
    path: Path, name: str, config: NpzData, task: TaskKind = "classification"
) -> list[Recordings]:
    """Return the array sets of one file, one `Recordings` for each split.

    Raises:
        DataError: the file is unreadable, lacks an array, or arrays do not fit together.
    """
    with reading(name):
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(name, "is one array", "an .npz archive of named arrays")
        with archive:
            return [
                _read_set(archive, arrays, name, split, config, task)
                for split, arrays in config.array_sets.items()
            ]


def _read_set(
    archive: np.lib.npyio.NpzFile,
    arrays: ArraySet,
    name: str,
    split: str,
    config: NpzData,
    task: TaskKind,
) -> Recordings:
    """Return the windows of one split."""
    truth = arrays.labels or arrays.target
    wanted = [key for key in (arrays.windows, truth, arrays.groups) if key is not None]
    require_columns(wanted, archive.files, name, "array")
    x = _windows(archive[arrays.windows], f"{name}: {arrays.windows}", config)
    groups, ends = np.full(len(x), ""), None
    if arrays.groups is not None:
        groups = archive[arrays.groups]
        require_same_length(len(x), groups, name, arrays.groups, arrays.windows)
    # Rows that are one window each lie on a common time axis, a hop apart.
    whole = x.shape[1] == config.window_samples
    starts = np.arange(len(x), dtype=np.int64) * config.hop if whole else None
    if whole and arrays.groups is not None:
        ends = np.append(groups[1:] != groups[:-1], True)
    return Recordings(
        x,
        _read_truth(archive, arrays, x.shape, name, task, config.window_samples),
        as_text(groups, f"{name}: {arrays.groups}"),
        f"{name}:{arrays.windows}",
        split,
        starts,
        ends,
    )


def _read_truth(
    archive: np.lib.npyio.NpzFile,
    arrays: ArraySet,
    shape: tuple[int, ...],
    name: str,
    task: TaskKind,
    window: int,
) -> Truth:
    """Return labels or targets of the rows: [n], or [n, S] where windows have one per sample."""
    rows, samples = shape[:2]
    key = arrays.labels or arrays.target
    if key is None:
        return np.tile(countdown(samples), (rows, 1))
    values = archive[key]
    if task == "classification":
        require_same_length(rows, values, name, key, arrays.windows)
        return as_text(values, f"{name}: {key}")
    if rows == 1 and values.shape == (samples,):
        values = values[None]
    # One target says nothing about windows that end before its row does.
    per_row = task == "anomaly" or (task == "regression" and samples <= window)
    if values.shape != (rows, samples) and not (per_row and values.shape == (rows,)):
        one_each = f"[{rows}], one for each row, or " if per_row else ""
        raise DataError(
            f"{name}: {key}",
            f"has shape {list(values.shape)}",
            f"{one_each}[{rows}, {samples}], one for each sample of {arrays.windows}",
        )
    if arrays.labels is None:
        return require_targets(as_float32(values, f"{name}: {key}", "the array"), f"{name}: {key}")
    return as_text(values, f"{name}: {key}")


def _windows(values: npt.NDArray[Any], place: str, config: NpzData) -> npt.NDArray[np.float32]:
    """Return windows as float32 [n, T, C]."""
    if values.ndim == 1 and len(config.channels) == 1:
        values = values[None, :, None]
    elif values.ndim == 2 and len(config.channels) == 1:
        values = values[:, :, None]
    elif config.channels_first and values.ndim == 3:
        values = np.swapaxes(values, 1, 2)
    if values.ndim != 3 or not values.size:
        raise DataError(place, f"has shape {list(values.shape)}", "[windows, samples, channels]")
    require_channel_count(values.shape[2], config.channels, place)
    x = as_float32(values, place, "the array")
    require_finite(x, place, config.channels)
    return x
