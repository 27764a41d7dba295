"""Compare the times that a file gives for its samples with the sampling rate of the project."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.config import RecordingData
from mcu_slm.data.dataset import Text
from mcu_slm.errors import DataError

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_TOLERANCE = 0.02
_GAP = 3.0
"""Neighbours this many sampling periods apart, or more, are no neighbours."""

Float64 = npt.NDArray[np.float64]


def time_columns(config: RecordingData) -> dict[str, str]:
    """Return the columns that hold times, with their units: the named one, else well-known names.

    Columns that are used as channels, labels, groups or targets are not among the latter.
    """
    if config.time_column is not None:
        return {config.time_column: config.time_unit}
    origins = (config.label, config.group)
    used = {*config.channels, config.target, *(origin.column for origin in origins if origin)}
    return {f"time_{unit}": unit for unit in _SECONDS if f"time_{unit}" not in used}


def check_times(config: RecordingData, text: dict[str, Text], groups: Text, name: str) -> list[str]:
    """Return warnings about gaps and steps back in the times of a file.

    Raises:
        DataError: samples come at another rate than the project says, or the column that it names
            for times holds none.
    """
    warnings = []
    for column, unit in time_columns(config).items():
        if column not in text:
            continue
        seconds = _seconds(text[column], unit)
        if seconds is not None:
            warnings += _compare(seconds, groups, config.sampling_rate_hz, f"{name}: {column}")
        elif column == config.time_column:
            raise DataError(
                f"{name}: {column}",
                "holds something that is neither a number nor a date",
                "the time of each sample",
            )
    return warnings


def _seconds(cells: Text, unit: str) -> Float64 | None:
    """Return times in seconds, or None if they are not times."""
    try:
        seconds = cells.astype(np.float64) * _SECONDS[unit]
    except ValueError:
        try:
            dates = np.char.rstrip(cells, "Z").astype("datetime64[us]")
        except ValueError:
            return None
        seconds = dates.astype(np.int64) / 1e6
    return seconds if np.isfinite(seconds).all() else None


def _compare(seconds: Float64, groups: Text, rate_hz: float, place: str) -> list[str]:
    """Compare the steps between samples of one group with the sampling period."""
    step = np.diff(seconds)
    same = groups[1:] == groups[:-1]
    forward = step[same & (step > 0)]
    if not len(forward):
        return []
    gap = same & (step > _GAP * max(float(np.median(forward)), 1 / rate_hz))
    # Times may be rounded to more than a period: then only the mean tells the rate.
    usual = step[same & (step >= 0) & ~gap]
    if len(usual) and abs(usual.mean() * rate_hz - 1) > _TOLERANCE:
        raise DataError(
            place,
            f"samples are {usual.mean():.4g} s apart, which is {1 / usual.mean():.4g} Hz",
            f"data.sampling_rate_hz = {rate_hz:g}",
            "Correct the rate, or data.time_unit.",
            rate_hz=float(1 / usual.mean()),
        )
    warnings = []
    if gap.any():
        row = int(gap.argmax()) + 1
        warnings.append(
            f"{place}: {int(gap.sum())} gaps in time, the longest {step[gap].max():.4g} s, the "
            f"first after data row {row}; windows across them are taken as if there were none"
        )
    back = same & (step < 0)
    if back.any():
        warnings.append(
            f"{place}: time steps back {int(back.sum())} times, first after data row "
            f"{int(back.argmax()) + 1}; are these several recordings in one file?"
        )
    return warnings
