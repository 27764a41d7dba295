"""TANH: output scale 1/128 and zero point 0, as a table.

x - zx is brought to Q4.27; tanh(x) = (1 - e) / (1 + e) with e = exp(-2 |x|) in the judge's fixed
point, and the sign of x. Inputs beyond +-15 saturate.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.fixed_point import exp_on_negative_values, one_minus_x_over_one_plus_x
from mcu_slm.ops.logistic import INTEGER_BITS, q4, q4_multiplier, saturate_beyond_radius
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.quant import rounding_shift_right

OUTPUT_SCALE = 1.0 / 128.0
_OUTPUT_BITS = 7


def parse(view: NodeView) -> Lookup:
    """Check a TANH node and make its table."""
    source, output = unary_tensors(view)
    output_scale, output_zero_point = view.int8(output)
    if output_scale != OUTPUT_SCALE or output_zero_point != 0:
        # The judge would answer all the same, at a scale of 1/128.
        found = f"output scale {output_scale!r}, zero point {output_zero_point}"
        view.fail(found, "scale 1/128, zero point 0")
    scale, zero_point = view.int8(source)
    multiplier = q4_multiplier(view, scale)
    x = INPUTS - zero_point
    scaled = q4(x, multiplier)
    # The same mantissa with one more integer bit is twice the value.
    exponential = exp_on_negative_values(-np.abs(scaled), INTEGER_BITS + 1)
    q0 = np.sign(scaled) * one_minus_x_over_one_plus_x(exponential)
    values = rounding_shift_right(q0, 31 - _OUTPUT_BITS)
    return lookup(source, saturate_beyond_radius(x, values, multiplier), multiplier)
