"""DEPTH_TO_SPACE: the channels of a pixel become a block x block square of pixels.

Shapes: [B, H, W, block * block * C] -> [B, H * block, W * block, C], rows of a square first.
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
    """Check a DEPTH_TO_SPACE node."""
    view.expect_count((1,))
    source, output = moved_tensor(view)
    view.require(len(source.shape) == 4, f"input has rank {len(source.shape)}", "4")
    size = int(view.option("block_size"))
    batches, rows, columns, channels = source.shape
    view.require(
        size > 0 and channels % (size * size) == 0,
        f"{channels} channels in blocks of {size}",
        "block_size squared divides the channels",
    )
    depth = channels // size // size
    expect_shape(view, output, (batches, rows * size, columns * size, depth))
    x = layout(source)
    squares = x.reshape(batches, rows, columns, size, size, depth)
    return strided_copy(x, squares.transpose(0, 1, 3, 2, 4, 5), output.shape, f"block {size}")
