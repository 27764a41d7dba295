"""BROADCAST_TO: repeats the input along axes of length 1 and along new leading axes.

At most five axes, as in the judge.
"""

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

MAX_RANK = 5


def parse(view: NodeView) -> StridedCopy:
    """Check a BROADCAST_TO node."""
    view.expect_count((2,))
    source, output = moved_tensor(view)
    expect_rank(view, output, MAX_RANK)
    shape = integers(view, 1, wide=True)
    expect_shape(view, output, shape)
    own = (1,) * (len(shape) - len(source.shape)) + source.shape
    view.require(
        len(own) == len(shape) and all(a in (1, n) for a, n in zip(own, shape, strict=True)),
        f"shape {list(source.shape)} does not broadcast to {shape}",
    )
    x = layout(source)
    return strided_copy(x, np.broadcast_to(x, shape), output.shape, f"to {shape}")


FOLD = Fold(PLAIN_TYPES, by_reference(parse))
