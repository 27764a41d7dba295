"""RESIZE_BILINEAR: every output pixel is a weighted mean of four input pixels.

Positions have 10 bits behind the point, so that the weights of a pixel add up to 2^20. The quotient
is rounded to the nearest integer, halves away from zero. Positions go to flash as tables per axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.resize import alignment, parse_sizes
from mcu_slm.ops.window import in_chunks

FRACTION_BITS = 10
ONE = 1 << FRACTION_BITS


@dataclass(frozen=True)
class Positions:
    """One axis: the two input positions of every output position and the second one's weight."""

    first: npt.NDArray[np.int16]
    second: npt.NDArray[np.int16]
    weight: npt.NDArray[np.int16]

    @classmethod
    def of(cls, size: int, output: int, corners: bool, half_pixel: bool) -> Positions:
        """Compute the positions in the judge's fixed point.

        A weight is negative before the first centre, where both positions are 0 and it cancels.
        """
        ends = (size - 1, output - 1) if corners and output > 1 else (size, output)
        scale = (ONE * ends[0] + ends[1] // 2) // ends[1]
        position = np.arange(output, dtype=np.int64) * scale
        if half_pixel:
            position += scale // 2 - ONE // 2
        first = np.maximum(position, 0) >> FRACTION_BITS
        second = np.minimum(np.maximum(position + ONE - 1, 0) >> FRACTION_BITS, size - 1)
        weight = position - (first << FRACTION_BITS)
        return cls(first.astype(np.int16), second.astype(np.int16), weight.astype(np.int16))

    def constants(self, axis: str) -> tuple[Constant, ...]:
        """Return the tables of an axis named `row` or `column`."""
        return (
            Constant(f"first_{axis}s", self.first),
            Constant(f"second_{axis}s", self.second),
            Constant(f"{axis}_weights", self.weight, False, f"of the second {axis}, in 1/1024"),
        )


@dataclass(frozen=True, eq=False)
class ResizeBilinear(Operator):
    """A bilinear interpolation."""

    kernels = ("resize_bilinear_s8",)

    rows: Positions
    columns: Positions
    input_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Weigh along rows, then along columns; nothing is rounded in between."""
        batches, _, width, channels = self.input_shape
        elements = batches * len(self.rows.first) * max(width, len(self.columns.first)) * channels
        return [in_chunks(inputs[0], elements, self._interpolate)]

    def _interpolate(self, x: Int8) -> Int8:
        wide = x.astype(np.int64)
        down = self.rows.weight.astype(np.int64)[:, None, None]
        wide = wide[:, :, self.rows.first] * (ONE - down) + wide[:, :, self.rows.second] * down
        right = self.columns.weight.astype(np.int64)[:, None]
        left_part = wide[:, :, :, self.columns.first] * (ONE - right)
        total = left_part + wide[:, :, :, self.columns.second] * right
        half = 1 << (2 * FRACTION_BITS - 1)
        mean: Int8 = (np.sign(total) * ((np.abs(total) + half) >> (2 * FRACTION_BITS))).astype(
            np.int8
        )
        return mean

    def constants(self) -> tuple[Constant, ...]:
        """Return the tables of both axes."""
        return (*self.rows.constants("row"), *self.columns.constants("column"))

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        batches, height, width, channels = self.input_shape
        fields: dict[str, object] = {
            "batches": batches,
            "channels": channels,
            "input_height": height,
            "input_width": width,
            "output_height": len(self.rows.first),
            "output_width": len(self.columns.first),
        }
        fields |= {
            constant.suffix: arguments.constants[constant.suffix] for constant in self.constants()
        }
        return struct_call(
            "mcu_slm_resize_bilinear_t",
            "mcu_slm_resize_bilinear_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> ResizeBilinear:
    """Check a RESIZE_BILINEAR node and make its tables."""
    height, width = parse_sizes(view)
    corners, half_pixel = alignment(view)
    if corners and half_pixel:
        view.unsupported("align_corners and half_pixel_centers", "one of them at most")
    axes = []
    for size, output in (height, width):
        positions = Positions.of(size, output, corners, half_pixel)
        if positions.first.max() >= size:
            view.unsupported(
                f"{size} elements stretched to {output}: the judge would read past the last one",
                "a smaller factor",
                "Resize in two steps.",
            )
        axes.append(positions)
    return ResizeBilinear(axes[0], axes[1], view.input(0).shape)
