"""CONCATENATION along one axis of at most ten inputs, as in the judge; scales must agree."""

from __future__ import annotations

import math

from mcu_slm.ops.base import PLAIN_TYPES, NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import JoinedRows, axis_of

MAX_INPUTS = 10


def parse(view: NodeView) -> JoinedRows:
    """Check a CONCATENATION node."""
    view.expect_count((len(view.node.inputs),))
    output = view.output()
    sources = [view.input(i) for i in range(len(view.node.inputs))]
    view.require(len(sources) > 0, "no input", "one or more")
    if len(sources) > MAX_INPUTS:
        view.unsupported(
            f"{len(sources)} inputs", f"at most {MAX_INPUTS}", "Concatenate in several steps."
        )
    if view.option("fused_activation_function", "NONE") != "NONE":
        view.unsupported("a fused activation", "none")
    rank = len(output.shape)
    axis = axis_of(view, int(view.option("axis")), rank)
    for source in sources:
        view.same_quantization(source, output)
        rest = source.shape[:axis] + source.shape[axis + 1 :]
        fits = len(source.shape) == rank and rest == output.shape[:axis] + output.shape[axis + 1 :]
        view.require(
            fits, f"{source.name} has shape {list(source.shape)}", f"as {list(output.shape)}"
        )
    total = sum(source.shape[axis] for source in sources)
    view.require(total == output.shape[axis], f"inputs add up to {total}", str(output.shape[axis]))
    outer = math.prod(output.shape[:axis])
    row_bytes = tuple(source.element_count // outer for source in sources)
    return JoinedRows(outer, row_bytes, output.shape)


FOLD = Fold(PLAIN_TYPES, by_reference(parse))
