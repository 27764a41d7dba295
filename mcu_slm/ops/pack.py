"""PACK: inputs of one shape are joined along a new axis; scales must agree."""

from __future__ import annotations

import math

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import JoinedRows, axis_of


def parse(view: NodeView) -> JoinedRows:
    """Check a PACK node."""
    count = int(view.option("values_count"))
    view.expect_count((max(count, 1),))
    sources, output = [view.input(i) for i in range(count)], view.output()
    axis = axis_of(view, int(view.option("axis")), len(output.shape))
    rest = output.shape[:axis] + output.shape[axis + 1 :]
    for source in sources:
        view.require_same_type(source, output)
        view.require(source.shape == rest, f"{source.name} has shape {source.shape}", str(rest))
    view.require(output.shape[axis] == count, f"output shape {output.shape}", f"axis of {count}")
    outer = math.prod(output.shape[:axis])
    return JoinedRows(outer, (math.prod(rest) // outer,) * count, output.shape)


FOLD = Fold(("int32", "int64", "float32"), by_reference(parse))
