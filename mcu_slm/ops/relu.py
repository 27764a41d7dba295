"""RELU: y = max(zy, requantize(x - zx) + zy), as a table.

Real multiplier: input scale / output scale, divided in float64.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import requantize


def parse(view: NodeView) -> Lookup:
    """Check a RELU node and make its table."""
    source, output = unary_tensors(view)
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    multiplier = bounded_multiplier(view, scale / output_scale, LARGEST_DIFFERENCE)
    values = requantize(INPUTS - zero_point, multiplier.multiplier, multiplier.shift)
    return lookup(source, np.maximum(values, 0) + output_zero_point, multiplier)
