"""What RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR share: checks of an image that changes size."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.strided_copy import integers

_LONGEST_AXIS = 1 << 15
"""Keeps the judge's fixed-point positions, 10 bits behind the point, within 32 bits."""

Sizes = tuple[tuple[int, int], tuple[int, int]]


def parse_sizes(view: NodeView) -> Sizes:
    """Return (input, output) sizes of height and width."""
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    view.require(len(source.shape) == 4, f"input has rank {len(source.shape)}", "4")
    size = tuple(integers(view, 1))
    view.require(
        len(size) == 2 and min(size) >= 1, f"size {list(size)}", "height and width of 1 or more"
    )
    expected = (source.shape[0], *size, source.shape[3])
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    longest = max(*source.shape[1:3], *size)
    if longest > _LONGEST_AXIS:
        view.unsupported(f"an axis of {longest:,}", f"at most {_LONGEST_AXIS:,}")
    view.require_same_type(source, output)
    return (source.shape[1], size[0]), (source.shape[2], size[1])


def alignment(view: NodeView) -> tuple[bool, bool]:
    """Return the options align_corners and half_pixel_centers."""
    return bool(view.option("align_corners", False)), bool(view.option("half_pixel_centers", False))
