"""SPLIT_V into parts of given lengths along one axis: data, lengths and axis, both constant.

One length may be -1: what the others leave. The judge reads the lengths from the outputs' shapes
alone; here both must agree.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import DealtRows, axis_of, deal
from mcu_slm.ops.strided_copy import integer, integers


def parse(view: NodeView) -> DealtRows:
    """Check a SPLIT_V node."""
    parts = len(view.node.outputs)
    view.expect_count((3,), max(parts, 1))
    source = view.input(0)
    lengths = integers(view, 1, wide=True)
    axis = axis_of(view, integer(view, 2), len(source.shape))
    total = source.shape[axis]
    if lengths.count(-1) == 1:
        lengths[lengths.index(-1)] = total - sum(lengths) - 1
    view.require(
        len(lengths) == parts and sum(lengths) == total and min(lengths) > 0,
        f"lengths {lengths} for {parts} outputs",
        f"lengths that add up to {total}",
    )
    shapes = [(*source.shape[:axis], n, *source.shape[axis + 1 :]) for n in lengths]
    return deal(view, 0, axis, shapes)


FOLD = Fold(("int32", "float32"), by_reference(parse))
