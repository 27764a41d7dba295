"""EXPAND_DIMS: a new axis of length 1 at a constant place; no byte moves."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.joined_rows import axis_of
from mcu_slm.ops.reshape import Reshape, same_bytes
from mcu_slm.ops.strided_copy import expect_shape, integers


def parse(view: NodeView) -> Reshape:
    """Check an EXPAND_DIMS node."""
    view.expect_count((2,))
    shape, named = view.input(0).shape, integers(view, 1)
    view.require(len(named) == 1, f"{len(named)} axes", "one")
    axis = axis_of(view, named[0], len(shape) + 1)
    expect_shape(view, view.output(), (*shape[:axis], 1, *shape[axis:]))
    return same_bytes(view)
