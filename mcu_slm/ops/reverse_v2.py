"""REVERSE_V2: turns the order along some axes, which must be neighbours, as in the judge."""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import PLAIN_TYPES, NodeView
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

MAX_RANK = 6


def parse(view: NodeView) -> StridedCopy:
    """Check a REVERSE_V2 node."""
    view.expect_count((2,))
    source, output = moved_tensor(view)
    rank = expect_rank(view, source, MAX_RANK)
    expect_shape(view, output, source.shape)
    named = integers(view, 1)
    view.require(
        len(named) > 0 and all(-rank <= axis < rank for axis in named),
        f"axes {named}",
        f"axes of rank {rank}",
    )
    axes = sorted(axis % rank for axis in named)
    view.require(len(set(axes)) == len(axes), f"axes {named}", "each axis once")
    if axes != list(range(axes[0], axes[-1] + 1)):
        view.unsupported(
            f"reversal of the axes {axes}", "neighbouring axes", "Use one REVERSE_V2 for each axis."
        )
    x = layout(source)
    return strided_copy(x, np.flip(x, axes), output.shape, f"axes {axes}")


FOLD = Fold(PLAIN_TYPES, by_reference(parse))
