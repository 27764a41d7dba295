"""How far below an input an output must start, so that a layer may write over what it has read.

A kernel that walks its output from the first byte to the last and needs, from each moment on, no
input byte below some place, can share memory with that input: the output stays below that place.
The distances follow from the order in which the C kernels read and write; a kernel that walks
otherwise needs another distance, or none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.quant import Int64


def clearance(written: npt.ArrayLike, needed: npt.ArrayLike) -> int:
    """Return the distance for outputs written in steps.

    Shapes: written: [steps] bytes of the output that exist when a step reads for the last time;
        needed: [steps] the lowest input byte that the step reads.
    """
    needed_from = np.minimum.accumulate(np.asarray(needed, np.int64)[::-1])[::-1]
    return max(int((np.asarray(written, np.int64) - needed_from).max()), 0)


def elementwise_clearance(count: int, input_bytes: int = 1, output_bytes: int = 1) -> int:
    """Return the distance where element i is read, then written, and never looked at again."""
    return max(count - 1, 0) * max(output_bytes - input_bytes, 0)


def nested(lengths: tuple[int, ...], steps: tuple[int, ...]) -> Int64:
    """Return the offset that nested loops, outermost first, reach at each of their iterations."""
    offsets = np.zeros(1, np.int64)
    for length, step in zip(lengths, steps, strict=True):
        offsets = (offsets[:, None] + np.arange(length) * step).reshape(-1)
    return offsets
