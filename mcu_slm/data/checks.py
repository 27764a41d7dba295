"""Checks that every reader applies: columns are there, numbers are finite, labels are text."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.data.dataset import Float32, Text
from mcu_slm.errors import DataError

_MAX_LISTED = 12


def listed(values: Sequence[str]) -> str:
    """Return `a, b, c`, cut to a readable length."""
    more = f" and {len(values) - _MAX_LISTED} more" if len(values) > _MAX_LISTED else ""
    return ", ".join(values[:_MAX_LISTED]) + more


def require_columns(wanted: Sequence[str], there: Sequence[str], name: str, kind: str) -> None:
    """Refuse a file that lacks one of its columns (or arrays), or has it twice."""
    for column in wanted:
        count = list(there).count(column)
        if count == 1:
            continue
        if count:
            raise DataError(name, f"{kind} {column!r} is there {count} times", "it once")
        close = difflib.get_close_matches(column, there, n=1)
        raise DataError(
            name,
            f"no {kind} {column!r}",
            f"one of {listed(there)}" if there else f"at least one {kind}",
            f"Did you mean {close[0]!r}?" if close else "",
            column=column,
        )


def as_float32(values: npt.NDArray[Any], name: str, what: str) -> Float32:
    """Return real numbers as float32; values too large become infinite and fail the next check."""
    if values.dtype.kind not in "iufb":
        raise DataError(name, f"{what} holds {values.dtype}", "real numbers")
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def require_finite(x: Float32, name: str, channels: Sequence[str]) -> None:
    """Refuse NaN and infinity. Shapes: x: [samples, C] of a recording or [n, T, C] of windows."""
    bad = ~np.isfinite(x)
    if not bad.any():
        return
    *place, channel = np.unravel_index(int(bad.argmax()), x.shape)
    value = x[(*place, channel)]
    where = f"data row {place[0] + 1}"
    if len(place) > 1:
        where = f"recording {place[0]}, sample {place[1]}"
    raise DataError(
        f"{name}: {channels[int(channel)]}",
        f"{where} is {'NaN' if np.isnan(value) else 'infinite'}, the first of {int(bad.sum())} "
        "values that are not finite",
        "finite numbers",
        "Remove or fill those samples before training.",
        count=int(bad.sum()),
        channel=channels[int(channel)],
    )


def require_targets(values: Float32, name: str) -> Float32:
    """Return targets if all of them are finite. Shapes: values: [n] or [n, S] -> the same."""
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.unravel_index(int(bad.argmax()), values.shape)[0])
        raise DataError(
            name,
            f"the target of data row {first + 1} is {values[bad][0]}, the first of "
            f"{int(bad.sum())} that are not finite",
            "a finite target everywhere",
            "Remove those rows, or give them a target.",
            count=int(bad.sum()),
        )
    return values


def as_text(values: npt.NDArray[Any], name: str) -> Text:
    """Return labels or groups as text: 1, 1.0 and "1" are the same label.

    Raises:
        DataError: one is NaN or infinite.
    """
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
        if bad.any():
            raise DataError(
                name, f"value {int(bad.argmax())} is {values[bad][0]}", "a label or group"
            )
        whole = (values == np.rint(values)) & (np.abs(values) < 2**53)
        if whole.all():
            values = values.astype(np.int64)
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values.astype(np.str_)


def require_same_length(
    count: int, there: npt.NDArray[Any], name: str, array: str, windows: str
) -> None:
    """Refuse labels or groups that are not one per window."""
    if there.ndim != 1 or len(there) != count:
        raise DataError(
            f"{name}: {array}",
            f"has shape {list(there.shape)}",
            f"[{count}], one for each window of {windows}",
        )


def require_channel_count(count: int, channels: Sequence[str], name: str) -> None:
    """Refuse recordings whose channels are not those of the project."""
    if count != len(channels):
        raise DataError(
            name,
            f"has {count} channels",
            f"{len(channels)}: {listed(channels)}",
            "Name them all in data.channels.",
        )
