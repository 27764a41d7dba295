"""RESIZE_NEAREST_NEIGHBOR: every output pixel is one input pixel.

Which one is computed in float32, as the judge does, and goes to flash as a table per axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.resize import alignment, parse_sizes


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighbor(Operator):
    """A choice of rows and columns. Shapes: rows int16 [output height], columns [output width]."""

    kernels = ("resize_nearest_neighbor_s8",)

    rows: npt.NDArray[np.int16]
    columns: npt.NDArray[np.int16]
    input_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Choose."""
        return [inputs[0][:, :, self.rows[:, None], self.columns]]

    def constants(self) -> tuple[Constant, ...]:
        """Return the tables."""
        return (
            Constant("rows", self.rows, False, "input row of each output row"),
            Constant("columns", self.columns, False, "input column of each output column"),
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        batches, height, width, channels = self.input_shape
        fields: dict[str, object] = {
            "batches": batches,
            "channels": channels,
            "input_height": height,
            "input_width": width,
            "output_height": len(self.rows),
            "output_width": len(self.columns),
            "rows": arguments.constants["rows"],
            "columns": arguments.constants["columns"],
        }
        return struct_call(
            "mcu_slm_resize_nearest_neighbor_t",
            "mcu_slm_resize_nearest_neighbor_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> ResizeNearestNeighbor:
    """Check a RESIZE_NEAREST_NEIGHBOR node and make its tables."""
    height, width = parse_sizes(view)
    rows, columns = (_nearest(*sizes, *alignment(view)) for sizes in (height, width))
    return ResizeNearestNeighbor(rows, columns, view.input(0).shape)


def _nearest(size: int, output: int, corners: bool, half_pixel: bool) -> npt.NDArray[np.int16]:
    """Return the input position of every output position."""
    aligned = corners and output > 1
    ends = (size - 1, output - 1) if aligned else (size, output)
    scale = np.float32(ends[0]) / np.float32(ends[1])
    offset = np.float32(0.5 if half_pixel else 0.0)
    position = (np.arange(output, dtype=np.float32) + offset) * scale
    # No position is negative, so that halves away from zero are halves upwards; 0.5 is exact.
    whole = np.floor(position.astype(np.float64) + 0.5) if corners else np.floor(position)
    nearest: npt.NDArray[np.int16] = np.minimum(whole, size - 1).astype(np.int16)
    return nearest
