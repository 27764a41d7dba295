"""Windows to calibrate on: found in a file of arrays, fitted to the model's input, drawn evenly.

Dimensions: N windows in the file, n of them drawn.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import DataError

Shape = tuple[int | None, ...]
"""Shape of one window as a model declares it: None where it takes any size."""

_NUMBERS = "fiub"
"""NumPy's kinds of numbers: floating, signed, unsigned, boolean."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Windows drawn for calibration.

    Shapes: windows: [n, *input shape]. `array` names where they come from, empty for an `.npy`;
    `available` is N.
    """

    windows: npt.NDArray[Any]
    array: str
    available: int


def load_samples(
    path: Path, shown: str, array: str | None, shape: Shape, dtype: str, count: int
) -> Samples:
    """Draw `count` windows from a file for an input of `shape` (without batch) and `dtype`.

    Without a name, the first array of an `.npz` whose shape fits is taken. `shown` is what messages
    call the file.

    Raises:
        DataError: Unreadable, no array fits, or values that no such input can take.
    """
    seen: list[str] = []
    for name, values in _arrays(path, shown, array):
        fitted = fitted_shape(values.shape[1:], shape) if values.ndim and len(values) else None
        if fitted is not None:
            place = f"{shown}: {name}" if name else shown
            rows = evenly(len(values), count)
            windows = _as_type(values[rows], dtype, place).reshape(len(rows), *fitted)
            return Samples(windows, name, len(values))
        seen.append(f"{name} {list(values.shape)}" if name else str(list(values.shape)))
    raise _nothing_fits(shown, seen, shape)


def fitted_shape(found: Sequence[int], wanted: Shape) -> tuple[int, ...] | None:
    """Return the model's shape with every size known, None where a window does not fit.

    Axes of size 1 may be missing or more: they change neither values nor their order.
    """
    sizes = [size for size in found if size != 1]
    slots = [size for size in wanted if size != 1]
    if len(sizes) != len(slots) or any(
        slot not in (None, size) for size, slot in zip(sizes, slots, strict=True)
    ):
        return None
    rest = iter(sizes)
    return tuple(1 if slot == 1 else next(rest) for slot in wanted)


def evenly(available: int, count: int) -> npt.NDArray[np.int64]:
    """Return `count` row numbers from the first to the last, all rows where there are fewer."""
    return np.linspace(0, available - 1, min(count, available)).round().astype(np.int64)


def _arrays(path: Path, shown: str, wanted: str | None) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the arrays that are asked for, one at a time: an archive may hold much else."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            if wanted is not None:
                expected = "an .npz archive for --array"
                raise DataError(shown, "is one array without a name", expected, "Drop --array.")
            yield "", found
            return
        with found as archive:
            if wanted is not None and wanted not in archive.files:
                names = ", ".join(archive.files)
                raise DataError(shown, f"has no array {wanted!r}", f"one of {names}")
            for name in archive.files if wanted is None else (wanted,):
                yield name, archive[name]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            shown, f"cannot be read ({reason})", "an .npz or .npy file of numbers"
        ) from error


def _as_type(values: npt.NDArray[Any], dtype: str, place: str) -> npt.NDArray[Any]:
    """Return values as the input takes them.

    Raises:
        DataError: No numbers, not finite, or fractions for an input of whole numbers.
    """
    if values.dtype.kind not in _NUMBERS:
        raise DataError(place, f"holds values of type {values.dtype}", "real numbers")
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
    if converted.dtype.kind == "f":
        wrong = ~np.isfinite(converted)
        expected, remedy = f"finite numbers as {dtype}", "Repair or leave out these windows."
    else:
        wrong = converted != values
        expected, remedy = f"whole numbers as {dtype}, which the model's input is", ""
    if wrong.any():
        first = values[wrong][0]
        found = f"{int(wrong.sum()):,} values cannot be used, the first one is {first}"
        raise DataError(place, found, expected, remedy)
    return converted


def _nothing_fits(shown: str, seen: list[str], shape: Shape) -> DataError:
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    return DataError(
        shown,
        f"no windows of the model's shape; it has {', '.join(seen) or 'no array'}",
        f"[windows, {sizes}], the model's input (axes of size 1 may be missing)",
        "Cut and order the axes as for training: samples, then channels.",
    )
