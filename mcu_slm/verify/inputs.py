"""Input windows for the proof when the user has none.

Corners first, then random ones with a seed.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import UsageError
from mcu_slm.quant import INT8_MAX, INT8_MIN


def corners(shape: tuple[int, ...], zero_point: int) -> npt.NDArray[np.int8]:
    """Return the inputs on which mistakes hide.

    Both ends, the zero point, alternating ends, ramps.
    """
    count = int(np.prod(shape))
    places = np.arange(count)
    windows = [
        np.full(count, INT8_MIN),
        np.full(count, INT8_MAX),
        np.full(count, zero_point),
        np.where(places % 2, INT8_MAX, INT8_MIN),
        np.where(places % 2, INT8_MIN, INT8_MAX),
        places % 256 + INT8_MIN,
        INT8_MAX - places % 256,
    ]
    return np.stack(windows).astype(np.int8).reshape(-1, *shape)


def random_windows(shape: tuple[int, ...], count: int, seed: int) -> npt.NDArray[np.int8]:
    """Return a mix of uniform, narrow, smooth and extreme windows.

    Uniform noise alone hides bugs.
    """
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    kinds = (
        lambda: rng.integers(INT8_MIN, INT8_MAX + 1, size),
        lambda: np.rint(rng.normal(0.0, 20.0, size)),
        lambda: np.rint(np.cumsum(rng.normal(0.0, 4.0, size)) % 256 + INT8_MIN),
        lambda: rng.choice(np.array([INT8_MIN, INT8_MAX]), size),
    )
    windows = [np.clip(kinds[i % len(kinds)](), INT8_MIN, INT8_MAX) for i in range(count)]
    return np.array(windows, np.int8).reshape(-1, *shape)


def default_windows(
    shape: tuple[int, ...], zero_point: int, count: int, seed: int
) -> npt.NDArray[np.int8]:
    """Return `count` windows, corners first."""
    fixed = corners(shape, zero_point)[:count]
    return (
        np.concatenate([fixed, random_windows(shape, count - len(fixed), seed)])
        if (count > len(fixed))
        else fixed
    )


def load_windows(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """Read int8 windows of a model's input shape from an .npy file.

    Raises:
        UsageError: Unreadable, another type, or another size.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UsageError(f"--inputs {path}", f"cannot be read ({error})", "an .npy file") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.int8:
        found = f"type {getattr(array, 'dtype', 'archive')}"
        raise UsageError(
            f"--inputs {path}", found, "int8", "Quantise with the input scale and zero point."
        )
    size = int(np.prod(shape))
    if array.ndim == 0 or array.size == 0 or array.size % size:
        expected = f"[windows, {', '.join(map(str, shape))}]"
        raise UsageError(f"--inputs {path}", f"shape {array.shape}", expected)
    return array.reshape(-1, *shape)
