"""TRANSPOSE: reorders axes; output axis i is input axis permutation[i].

At most five axes, as in the judge.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.strided_copy import (
    StridedCopy,
    expect_rank,
    expect_shape,
    integers,
    layout,
    moved_tensor,
    strided_copy,
)

MAX_RANK = 5


def parse(view: NodeView) -> StridedCopy:
    """Check a TRANSPOSE node."""
    view.expect_count((2,))
    source, output = moved_tensor(view)
    rank = expect_rank(view, source, MAX_RANK)
    permutation = tuple(integers(view, 1))
    view.require(
        sorted(permutation) == list(range(rank)), f"permutation {permutation}", f"of {rank} axes"
    )
    expect_shape(view, output, [source.shape[axis] for axis in permutation])
    x = layout(source)
    return strided_copy(x, x.transpose(permutation), output.shape, f"axes {list(permutation)}")


FOLD = Fold(("float32",), by_reference(parse))
