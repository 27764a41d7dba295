"""GATHER_ND: slices of the input, each picked by a tuple of constant numbers of its leading axes.

The tuples become row numbers here, so that the layer is a GATHER of rows.
"""

from __future__ import annotations

import math

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.gather import Gather
from mcu_slm.ops.strided_copy import expect_shape

MAX_NUMBERS = 5
"""Of a tuple, in the judge."""

NOTE = "constant numbers only"


def parse(view: NodeView) -> Gather:
    """Check a GATHER_ND node."""
    view.expect_count((2,))
    source, named, output = view.input(0), view.input(1), view.output()
    view.same_quantization(source, output)
    numbers = view.constant(named, "int32")
    view.require(numbers.ndim > 0, "a single number", "tuples of numbers")
    count = numbers.shape[-1]
    most = min(len(source.shape), MAX_NUMBERS)
    view.require(count <= most, f"tuples of {count} numbers", f"at most {most}")
    leading = source.shape[:count]
    inside = (numbers >= 0) & (numbers < np.array(leading, np.int64))
    expected = f"below {list(leading)}"
    view.require(bool(np.all(inside)), f"numbers {numbers.min()} to {numbers.max()}", expected)
    expect_shape(view, output, (*numbers.shape[:-1], *source.shape[count:]))
    rows = np.ravel_multi_index(tuple(np.moveaxis(numbers, -1, 0)), leading).astype(np.int32)
    row_bytes = math.prod(source.shape[count:])
    return Gather(0, 1, 1, math.prod(leading), rows.size, row_bytes, rows, output.shape)
