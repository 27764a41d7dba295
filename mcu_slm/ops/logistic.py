"""LOGISTIC: y = 1 / (1 + exp(-x)), output scale 1/256 and zero point -128, as a table.

x - zx is brought to Q4.27 and goes through the judge's fixed-point exponential and reciprocal.
Inputs beyond +-15 saturate; from an input scale of 8 on, every input is beyond.
"""

from __future__ import annotations

import math

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.fixed_point import exp_on_negative_values, one_over_one_plus_x
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.quant import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    Int64,
    Multiplier,
    quantize_multiplier,
    requantize,
    rounding_shift_right,
)

INTEGER_BITS = 4
OUTPUT_SCALE = 1.0 / 256.0
_OUTPUT_BITS = 8


def parse(view: NodeView) -> Lookup:
    """Check a LOGISTIC node and make its table."""
    source, output = unary_tensors(view)
    output_scale, output_zero_point = view.int8(output)
    if output_scale != OUTPUT_SCALE or output_zero_point != INT8_MIN:
        found = f"output scale {output_scale!r}, zero point {output_zero_point}"
        view.fail(found, "scale 1/256, zero point -128")
    scale, zero_point = view.int8(source)
    multiplier = q4_multiplier(view, scale)
    x = INPUTS - zero_point
    scaled = q4(x, multiplier)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(scaled), INTEGER_BITS))
    q0 = np.where(scaled > 0, positive, INT32_MAX - positive)
    q0 = np.where(scaled == 0, 1 << 30, q0)
    values = rounding_shift_right(q0, 31 - _OUTPUT_BITS) + INT8_MIN
    return lookup(source, saturate_beyond_radius(x, values, multiplier), multiplier)


def q4_multiplier(view: NodeView, scale: float) -> Multiplier:
    """Return the multiplier that brings input differences to Q4.27."""
    real = scale * (1 << (31 - INTEGER_BITS))
    view.require(0.5 <= real < 2.0**62, f"input scale {scale!r}", "2^-28 to 2^35")
    return quantize_multiplier(real)


def q4(x: Int64, multiplier: Multiplier) -> Int64:
    """Return differences in Q4.27; those beyond the radius may be anything."""
    return requantize(x, multiplier.multiplier, min(multiplier.shift, 30))


def saturate_beyond_radius(x: Int64, values: Int64, multiplier: Multiplier) -> Int64:
    """Replace what lies beyond the largest difference whose Q4.27 does not overflow."""
    limit = ((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS))
    radius = math.floor(limit / (1 << multiplier.shift))
    return np.where(x <= -radius, INT8_MIN, np.where(x >= radius, INT8_MAX, values))
