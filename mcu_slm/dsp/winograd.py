"""CONV_2D with windows of 3x3, stride 1, by Winograd's F(2x2, 3x3): exact, with 16 products for 36.

Stored transformed, weights take 3.6 times their flash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.counts import of_form
from mcu_slm.dsp.matrix import Matrix, matrix_of
from mcu_slm.dsp.winograd_layer import WinogradLayer
from mcu_slm.dsp.winograd_strips import SMALL, Memory, Strip, choose_strip
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.features import Features
from mcu_slm.ops.window import Window
from mcu_slm.quant import Int64

_LEAST_CHANNELS = 8
_LONGEST_CHUNK = 16  # pairs of channels; the floating-point registers hold two sets of weights


@dataclass(frozen=True, eq=False)
class Winograd(WinogradLayer):
    """A convolution by tiles of 2x2."""

    side = SMALL
    transform = ((1, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 1))

    def _offsets(self) -> Int64:
        return np.zeros(self.matrix.channels, np.int64)

    def _of_strip(self, strip: Strip) -> Features:
        pairs, outputs = self.weights.shape[3] // 2, self.matrix.channels // 2
        odd = self.window.width.output % 2  # the last column of tiles by itself
        is_last = strip.is_last and odd > 0
        runs = strip.rows * ((strip.columns - is_last > 0) + is_last)
        tiles = strip.rows * strip.columns * outputs
        return {
            "strips": 1,
            "strip_rows": strip.rows,
            "transforms": strip.rows * pairs // 2,
            "transformed_quads": strip.quads * pairs // 2,
            "pairs": outputs,
            "tile_rows": outputs * strip.rows,
            "tile_runs": outputs * runs,
            "tiles": tiles,
            **of_form(self.matrix, "tiles", tiles),
        }


def of_conv_2d(
    plain: Conv2D, *, stores_transformed: bool = False, working_bytes: int | None = None
) -> Winograd | None:
    """Return the layer for these kernels, None where they cannot do it.

    Args:
        plain: The layer.
        stores_transformed: Store the transformed weights: 32 bytes for each 3x3 window of one input
            channel in place of 9.
        working_bytes: Working memory that may be taken; None: as `choose_strip` sees fit.
    """
    found = numbers_of(plain)
    if found is None:
        return None
    memory = Memory.of(plain, SMALL, stores_transformed)
    memory, strip = choose_strip(plain, memory, working_bytes)
    return Winograd(plain, *found, strip, memory)


def numbers_of(plain: Conv2D) -> tuple[Matrix, int] | None:
    """Return a layer's numbers and into how many parts its pairs of input channels fall.

    None where Winograd's kernels cannot do the layer exactly.
    """
    outputs, _, _, inputs = plain.linear.weights.shape
    chunks = _chunks(inputs)
    fits = plain.groups == 1 and plain.batches == 1 and outputs % 2 == 0 and _is_3x3(plain.window)
    if not fits or chunks is None:
        return None
    rows = plain.linear.weights.reshape(outputs, -1)
    matrix = matrix_of(plain.linear, rows, list(range(rows.shape[1])))
    return None if matrix is None else (matrix.with_packing(), chunks)


def _is_3x3(window: Window) -> bool:
    axes = (window.height, window.width)
    return all((axis.kernel, axis.stride, axis.dilation) == (3, 1, 1) for axis in axes)


def _chunks(inputs: int) -> int | None:
    """Return into how many parts the pairs of input channels fall, None where into none."""
    if inputs % 4 != 0 or inputs < _LEAST_CHANNELS:
        return None
    pairs = inputs // 2
    sizes = range(min(_LONGEST_CHUNK, pairs), 0, -1)
    size = next(size for size in sizes if pairs % size == 0 and size % 2 == 0)
    return pairs // size if size * 2 >= _LEAST_CHANNELS else None
