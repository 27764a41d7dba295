"""LEAKY_RELU: y = requantize(x - zx) + zy, with another multiplier below zero, as a table.

Real multipliers, in float64: input scale / output scale, and (input scale * alpha) / output scale
for x < zx. A negative alpha turns the sign after rounding.
"""

from __future__ import annotations

import math

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import requantize


def parse(view: NodeView) -> Lookup:
    """Check a LEAKY_RELU node and make its table."""
    source, output = unary_tensors(view)
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    alpha = float(view.option("alpha"))
    view.require(math.isfinite(alpha), f"alpha is {alpha}", "a finite number")
    identity, slope = (
        bounded_multiplier(view, real / output_scale, LARGEST_DIFFERENCE)
        for real in (scale, scale * float(np.float32(abs(alpha))))
    )
    x = INPUTS - zero_point
    below = requantize(x, slope.multiplier, slope.shift) * (-1 if alpha < 0.0 else 1)
    values = np.where(x >= 0, requantize(x, identity.multiplier, identity.shift), below)
    return lookup(source, values + output_zero_point, identity, slope)
