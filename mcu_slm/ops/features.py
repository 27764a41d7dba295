"""Counts that the time of a kernel is linear in: how often each of its loops goes round.

An operator states them beside its kernel call, as the two change together; `mcu_slm.costs` knows
what a round of each costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcu_slm.ops.linear import block_sizes
from mcu_slm.ops.window import Window
from mcu_slm.quant import INT8_MAX, INT8_MIN

Features = dict[str, float]

FEW_BYTES = 8
"""Shorter rows are copied without memcpy."""


def joined(*parts: Features) -> Features:
    """Return the sum of counts, name by name."""
    found: Features = {}
    for part in parts:
        for name, count in part.items():
            found[name] = found.get(name, 0) + count
    return found


def unrolled(name: str, loops: float, rounds: int) -> Features:
    """Return a loop that does four rounds at a time, and the rest one by one."""
    return {f"{name}_fours": loops * (rounds // 4), f"{name}_ones": loops * (rounds % 4)}


def clamped(lengths: Sequence[int], act_min: int, act_max: int) -> Features:
    """Return the elements that are looked at once more, for an activation's range."""
    is_narrow = (act_min, act_max) != (INT8_MIN, INT8_MAX)
    return {"clamped": math.prod(lengths) if is_narrow else 0}


def copied(copies: float, count: int) -> Features:
    """Return calls of memcpy with `count` bytes each: 16 at a time, then 4, then single ones."""
    return {
        "copies": copies,
        "copied_16": copies * (count // 16),
        "copied_4": copies * (count % 16 // 4),
        "copied_1": copies * (count % 4),
    }


def filled(fills: float, count: int) -> Features:
    """Return calls of memset with `count` bytes each."""
    return {
        "fills": fills,
        "filled_16": fills * (count // 16),
        "filled_1": fills * (count % 16),
    }


def block_outputs(outputs: int, times: float) -> Features:
    """Return blocks of `kernels/sums.h` that are begun and stored `times` times."""
    sizes = block_sizes(outputs)
    return {"blocks": times * len(sizes), "outputs": times * outputs}


def block_products(outputs: int, calls: float, rows: float, count: int) -> Features:
    """Return what all blocks of some outputs take on a core without vectors.

    Args:
        outputs: Outputs of the layer, or of one of its groups.
        calls: How often rows of inputs are multiplied by all blocks.
        rows: Rows in all calls.
        count: Inputs in a row.
    """
    sizes = block_sizes(outputs)
    quads, singles = sum(size // 4 for size in sizes), sum(size % 4 for size in sizes)
    return joined(
        {
            "block_calls": calls * len(sizes),
            "quads": calls * quads,
            "quad_rows": rows * quads,
            "singles": calls * singles,
            "single_rows": rows * singles,
            "single_products": rows * singles * count,
        },
        unrolled("quad_value", rows * quads, count),
    )


def taps_inside(window: Window) -> tuple[Sequence[int], Sequence[int]]:
    """Return for each output row and each output column how many taps lie inside the input."""
    rows, columns = (axis.inside().sum(axis=1).tolist() for axis in (window.height, window.width))
    return rows, columns


def pooled(window: Window, batches: int, channels: int) -> Features:
    """Return the counts of a pool, four channels at a time."""
    rows, columns = (np.array(taps) for taps in taps_inside(window))
    whole = columns == window.width.input
    walked = np.where(whole, 1, rows[:, None]).sum() * batches
    taps = np.outer(rows, columns).sum() * batches
    pixels = batches * window.output_pixels
    fours, ones = divmod(channels, 4)
    return {
        "pixels": pixels,
        "fours": pixels * fours,
        "four_rows": float(walked) * fours,
        "four_taps": float(taps) * fours,
        "ones": pixels * ones,
        "one_rows": float(walked) * ones,
        "one_taps": float(taps) * ones,
    }
