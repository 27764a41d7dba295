"""SPLIT into equal parts along one axis: input 0 is the axis (constant), input 1 the data."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import DealtRows, axis_of, deal
from mcu_slm.ops.strided_copy import integer


def parse(view: NodeView) -> DealtRows:
    """Check a SPLIT node."""
    parts = len(view.node.outputs)
    view.expect_count((2,), max(parts, 1))
    source = view.input(1)
    axis = axis_of(view, integer(view, 0), len(source.shape))
    length = source.shape[axis]
    view.require(length % parts == 0, f"{length} elements in {parts} parts", "equal parts")
    part = (*source.shape[:axis], length // parts, *source.shape[axis + 1 :])
    return deal(view, 1, axis, [part] * parts)


FOLD = Fold(("int32", "float32"), by_reference(parse), subject=1)
