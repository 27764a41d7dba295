"""Fixed-point functions of the judge.

Exponential, reciprocal and inverse square root on int32 mantissas.

A value with n integer bits is held as value * 2^(31 - n). The polynomial and the constants are
those of the gemmlowp fixed-point library, which defines the output bytes of SOFTMAX, LOGISTIC,
TANH, RSQRT and L2_NORMALIZATION.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mcu_slm.quant import (
    INT32_MAX,
    INT32_MIN,
    Int64,
    Multiplier,
    doubling_high_mul,
    rounding_shift_right,
)

_EXP_MINUS_1_8 = 1895147668
_ONE_THIRD = 715827883
_EXP_POWERS = (
    # (exponent of two, exp(-2^exponent) in Q0.31)
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
_48_17_Q2 = 1515870810
_MINUS_32_17_Q2 = -1010580540
_HALF_SQRT_2 = 1518500250


def saturating_shift(x: Any, exponent: int) -> Int64:
    """Return x * 2^exponent: saturated when raised, rounded (ties away from zero) when lowered."""
    value = np.asarray(x, np.int64)
    if exponent > 0:
        return np.clip(value << exponent, INT32_MIN, INT32_MAX)
    return rounding_shift_right(value, -exponent) if exponent else value


def exp_on_negative_values(x: Any, integer_bits: int) -> Int64:
    """Return exp(x) in Q0.31 for x <= 0 held with `integer_bits` integer bits.

    x is split into a multiple of 1/4 and a remainder in [-1/4, 0): a 4th-order Taylor polynomial
    around -1/8 for the remainder, then one multiplication per set bit of the multiple.
    """
    value = np.asarray(x, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder = (value & (quarter - 1)) - quarter
    t = saturating_shift(remainder, integer_bits) + (1 << 28)
    t2 = doubling_high_mul(t, t)
    t3 = doubling_high_mul(t2, t)
    t4 = doubling_high_mul(t2, t2)
    series = doubling_high_mul(saturating_shift(t4, -2) + t3, _ONE_THIRD) + t2
    result = _EXP_MINUS_1_8 + doubling_high_mul(_EXP_MINUS_1_8, t + saturating_shift(series, -1))
    multiple = remainder - value
    for power, factor in _EXP_POWERS:
        if integer_bits > power:
            bit = 1 << (fraction_bits + power)
            result = np.where(multiple & bit, doubling_high_mul(result, factor), result)
    return np.where(value == 0, INT32_MAX, result)


def one_over_one_plus_x(x: Any) -> Int64:
    """Return 1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31."""
    return saturating_shift(_two_over_one_plus_x(x), 1)


def one_minus_x_over_one_plus_x(x: Any) -> Int64:
    """Return (1 - x) / (1 + x) = 2 / (1 + x) - 1 in Q0.31 for x in [0, 1) in Q0.31."""
    return saturating_shift(_two_over_one_plus_x(x) - (1 << 29), 2)


def _two_over_one_plus_x(x: Any) -> Int64:
    """Return 2 / (1 + x) in Q2.29 by three Newton steps."""
    half_denominator = (np.asarray(x, np.int64) + INT32_MAX + 1) >> 1
    y = _48_17_Q2 + doubling_high_mul(half_denominator, _MINUS_32_17_Q2)
    for _ in range(3):
        error = (1 << 29) - doubling_high_mul(half_denominator, y)
        y = y + saturating_shift(doubling_high_mul(y, error), 2)
    return y


def inverse_sqrt_multiplier(value: int) -> Multiplier:
    """Return 1 / sqrt(value) as mantissa and shift for a non-negative int32, by five Newton steps.

    0 and 1 give the largest mantissa and shift 0, as the judge does.
    """
    if value <= 1:
        return Multiplier(INT32_MAX, 0)
    shift = 11
    while value >= 1 << 29:
        value //= 4
        shift += 1
    left_pairs = (31 - value.bit_length()) // 2 - 1
    shift -= left_pairs
    value <<= 2 * left_pairs
    half = int(rounding_shift_right(value >> 1, 1))
    three_halves = (1 << 28) + (1 << 27)
    x = 1 << 28
    for _ in range(5):
        cube = saturating_shift(doubling_high_mul(doubling_high_mul(x, x), x), 6)
        x = int(
            saturating_shift(doubling_high_mul(three_halves, x) - doubling_high_mul(half, cube), 3)
        )
    mantissa = int(doubling_high_mul(x, _HALF_SQRT_2))
    if shift < 0:
        mantissa <<= -shift
        shift = 0
    return Multiplier(mantissa, -shift)
