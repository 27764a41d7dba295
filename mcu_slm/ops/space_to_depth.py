"""SPACE_TO_DEPTH: the pixels of every block x block square become channels of one pixel.

Shapes: [B, H * block, W * block, C] -> [B, H, W, block * block * C], rows of a square first.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.strided_copy import (
    StridedCopy,
    expect_shape,
    layout,
    moved_tensor,
    strided_copy,
)


def parse(view: NodeView) -> StridedCopy:
    """Check a SPACE_TO_DEPTH node."""
    view.expect_count((1,))
    source, output = moved_tensor(view)
    view.require(len(source.shape) == 4, f"input has rank {len(source.shape)}", "4")
    size = int(view.option("block_size"))
    batches, rows, columns, channels = source.shape
    view.require(
        size > 0 and rows % size == 0 and columns % size == 0,
        f"{rows} x {columns} in blocks of {size}",
        "whole blocks",
    )
    expect_shape(view, output, (batches, rows // size, columns // size, channels * size * size))
    x = layout(source)
    blocks = x.reshape(batches, rows // size, size, columns // size, size, channels)
    return strided_copy(x, blocks.transpose(0, 1, 3, 2, 4, 5), output.shape, f"block {size}")
