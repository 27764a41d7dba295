"""EXPAND_DIMS: a new axis of length 1 at a constant place; no byte moves."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import axis_of
from mcu_slm.ops.reshape import Reshape, same_bytes
from mcu_slm.ops.strided_copy import expect_shape, integer


def parse(view: NodeView) -> Reshape:
    """Check an EXPAND_DIMS node."""
    view.expect_count((2,))
    shape = view.input(0).shape
    axis = axis_of(view, integer(view, 1), len(shape) + 1)
    expect_shape(view, view.output(), (*shape[:axis], 1, *shape[axis:]))
    return same_bytes(view)


RUNS = ("int8", "int16", "float32")
FOLD = Fold(("int8", "float32"), by_reference(parse))
