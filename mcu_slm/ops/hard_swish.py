"""HARD_SWISH: y = x * min(max(x + 3, 0), 6) / 6 in 16-bit fixed point, as a table.

With h = 128 * (x - zx): the factor (x + 3) / 6 is h at scale 3/32768, saturated to int16, raised by
2^15 and halved; the other one is h at the output scale, still to be shifted right. Multipliers are
formed in float64 and cut to 16 bits.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.lookup import INPUTS, Lookup, lookup, unary_tensors
from mcu_slm.quant import Int64, Multiplier, quantize_multiplier, rounding_shift_right

_EXTRA_BITS = 7
_RELUISH_SCALE = 3.0 / 32768.0
_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1


def parse(view: NodeView) -> Lookup:
    """Check a HARD_SWISH node and make its table."""
    source, output = unary_tensors(view)
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    fine_scale = scale / (1 << _EXTRA_BITS)
    reluish = _multiplier(view, fine_scale / _RELUISH_SCALE, scale, highest=30)
    result = _multiplier(view, fine_scale / output_scale, scale, highest=0)
    h = (INPUTS - zero_point) << _EXTRA_BITS
    product = _factor(h, reluish) * _doubling_high_mul16(h, _mantissa16(result))
    # This one product is rounded towards zero.
    halved = np.sign(product) * (np.abs(product) >> 15)
    values = rounding_shift_right(halved, -result.shift) + output_zero_point
    return lookup(source, values, reluish, result)


def _multiplier(view: NodeView, real: float, scale: float, highest: int) -> Multiplier:
    """Return a multiplier whose shift the judge's 16-bit arithmetic can do."""
    # Beyond 2^31 nothing fits, and infinity has no mantissa.
    multiplier = quantize_multiplier(min(real, 2.0**31))
    if real < 2.0**-16 or multiplier.shift > highest:
        view.fail(
            f"real multiplier {real:.4g} for input scale {scale!r}",
            f"2^-16 to 2^{highest}",
            "Export the model with scales that are closer to each other.",
        )
    return multiplier


def _factor(h: Int64, multiplier: Multiplier) -> Int64:
    """Return (x + 3) / 6 in Q0.15, from 0 to just below 1."""
    value = h
    if multiplier.shift > 0:
        value = _saturate16(value << (multiplier.shift - 1))
    value = _doubling_high_mul16(value, _mantissa16(multiplier))
    if multiplier.shift > 0:
        value = _saturate16(value << 1)
    elif multiplier.shift < 0:
        value = rounding_shift_right(value, -multiplier.shift)
    return (value + (1 << 15)) >> 1


def _mantissa16(multiplier: Multiplier) -> int:
    """Return the mantissa in Q0.15."""
    return min((multiplier.multiplier + (1 << 15)) >> 16, _INT16_MAX)


def _doubling_high_mul16(a: Int64, b: int) -> Int64:
    """Return round(a * b / 2^15) with ties towards plus infinity."""
    return (a * b + (1 << 14)) >> 15


def _saturate16(value: Int64) -> Int64:
    return np.clip(value, _INT16_MIN, _INT16_MAX)
