"""RSQRT: one of 256 inputs, so a table made with the judge's inverse square root.

Inputs below the zero point are negative numbers: the judge refuses to run on them, the table
answers with the largest value.
"""

from __future__ import annotations

import math

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.fixed_point import inverse_sqrt_multiplier
from mcu_slm.ops.lookup import Lookup
from mcu_slm.quant import INT8_MAX, INT8_MIN, quantize_multiplier, requantize, saturate_int8

_EXTRA_BITS = 20
_LARGEST_RIGHT_SHIFT = 31
"""Beyond that the judge's bytes depend on the machine."""


def parse(view: NodeView) -> Lookup:
    """Check an RSQRT node and make its table."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    view.require(output.shape == source.shape, f"output shape {output.shape}", str(source.shape))
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    # In float64 throughout: among 600 pairs of scales that tell it from float32, no byte differed.
    multiplier = view.multiplier(quantize_multiplier(1.0 / (math.sqrt(scale) * output_scale)))
    view.require(
        multiplier.shift - _EXTRA_BITS >= -_LARGEST_RIGHT_SHIFT,
        f"output scale {output_scale!r} needs a right shift of {_EXTRA_BITS - multiplier.shift}",
        f"at most {_LARGEST_RIGHT_SHIFT}",
    )
    table = np.full(256, INT8_MAX, np.int8)
    for q in range(zero_point + 1, INT8_MAX + 1):
        root = inverse_sqrt_multiplier(q - zero_point)
        data = requantize(1, root.multiplier, root.shift + _EXTRA_BITS)
        value = requantize(data, multiplier.multiplier, multiplier.shift - _EXTRA_BITS)
        table[q - INT8_MIN] = saturate_int8(value + output_zero_point)
    return Lookup(source.element_count, table, (multiplier,))
