"""RELU6: y = min(max(x, zero point), zero point + round(6 / scale)), as a table.

The judge clamps the input's bytes and never looks at the output's scale, so both must agree.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView, activation_range
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors


def parse(view: NodeView) -> Lookup:
    """Check a RELU6 node and make its table."""
    source, output = unary_tensors(view)
    if view.int8(source) != view.int8(output):
        view.unsupported(
            f"{source.name} and {output.name} have different scales or zero points",
            "the same, because TensorFlow Lite Micro does not rescale here",
            "Fuse RELU6 into the layer before it.",
        )
    low, high = activation_range(view, "RELU6", *view.int8(source))
    return lookup(source, np.clip(INPUTS, low, high))
