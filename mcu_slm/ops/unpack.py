"""UNPACK: one output for each index of an axis, which disappears."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import DealtRows, axis_of, deal


def parse(view: NodeView) -> DealtRows:
    """Check an UNPACK node."""
    count = int(view.option("num"))
    view.expect_count((1,), max(count, 1))
    source = view.input(0)
    axis = axis_of(view, int(view.option("axis")), len(source.shape))
    length = source.shape[axis]
    view.require(length == count, f"{count} outputs of {length} elements", "one for each")
    return deal(view, 0, axis, [source.shape[:axis] + source.shape[axis + 1 :]] * count)


FOLD = Fold(("int32", "float32"), by_reference(parse))
