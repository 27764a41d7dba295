"""CONV_2D with windows of 3x3, stride 1, by Winograd's F(4x4, 3x3): exact, 36 products for 144.

Its transforms take more than those of F(2x2, 3x3) and save more; which of the two is shorter
depends on the image and the channels. It knows whole tiles, and no clamp but the type's ends.
Stored transformed, weights take 8 times their flash.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.counts import of_form
from mcu_slm.dsp.winograd import numbers_of
from mcu_slm.dsp.winograd_layer import WinogradLayer
from mcu_slm.dsp.winograd_strips import LARGE, Memory, Strip, choose_strip
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.features import Features
from mcu_slm.quant import INT8_MIN, Int64


@dataclass(frozen=True, eq=False)
class Winograd4(WinogradLayer):
    """A convolution by tiles of 4x4."""

    side = LARGE
    transform = ((1, 0, 0), (1, 1, 1), (1, -1, 1), (1, 2, 4), (1, -2, 4), (0, 0, 1))

    def _offsets(self) -> Int64:
        """Take back that the kernel's inputs are 128 more than they are."""
        sums: Int64 = self.weights.sum(axis=(1, 2, 3), dtype="int64")
        return INT8_MIN * sums

    def _of_strip(self, strip: Strip) -> Features:
        pairs, outputs = self.weights.shape[3] // 2, self.matrix.channels // 2
        tiles = strip.rows * strip.columns
        return {
            "strips": 1,
            "strip_rows": strip.rows,
            "transforms": strip.rows * pairs // 2,
            "transformed_columns": strip.rows * (4 * strip.columns + 2) * pairs // 2,
            "transformed_tiles": tiles * pairs // 2,
            "pairs": outputs,
            "tile_rows": outputs * strip.rows,
            "tiles": tiles * outputs,
            **of_form(self.matrix, "tiles", tiles * outputs),
        }


def of_conv_2d(
    plain: Conv2D, *, stores_transformed: bool = False, working_bytes: int | None = None
) -> Winograd4 | None:
    """Return the layer for these kernels, None where they cannot do it.

    Args:
        plain: The layer.
        stores_transformed: Store the transformed weights: 72 bytes for each 3x3 window of one input
            channel in place of 9.
        working_bytes: Working memory that may be taken; None: as `choose_strip` sees fit.
    """
    found = numbers_of(plain)
    height, width = plain.window.height.output, plain.window.width.output
    if found is None or height % LARGE or width % LARGE or found[0].is_clamped:
        return None
    memory = Memory.of(plain, LARGE, stores_transformed)
    memory, strip = choose_strip(plain, memory, working_bytes)
    return Winograd4(plain, *found, strip, memory)
