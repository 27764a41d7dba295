"""Fixed-point functions of the judge.

Exponential, reciprocal and inverse square root on int32 mantissas.

A value with n integer bits is held as value * 2^(31 - n). The polynomial and the constants are
those of the gemmlowp fixed-point library, which defines the output bytes of SOFTMAX, LOGISTIC,
TANH, LOG_SOFTMAX, RSQRT and L2_NORMALIZATION.
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
_LOG_2 = 1488522236
_FOURTH_ROOT_OF_HALF = 1805811301
_LOG_ALPHA_N, _LOG_ALPHA_D, _LOG_ALPHA_I, _LOG_ALPHA_F = (
    117049297,
    127690142,
    1057819769,
    638450708,
)


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


def log_of_at_least_1(x: Any, integer_bits: int, output_integer_bits: int) -> Int64:
    """Return log(x) with `output_integer_bits` for x >= 1 held with `integer_bits`.

    x is split into a power of two with a quarter and a mantissa around 2^(-1/4), of whose two
    choices the smaller mantissa counts; the logarithm of that one is a rational approximation.
    """
    value = np.asarray(x, np.int64)
    accumulator_bits = output_integer_bits + 1
    quarter = 1 << (29 - accumulator_bits)
    zeros = _leading_zeros(value)
    mantissa_a = _raise(doubling_high_mul(_raise(value, zeros - 1), _HALF_SQRT_2), 1)
    power_a = ((integer_bits - zeros) << (31 - accumulator_bits)) + quarter
    zeros = _leading_zeros(doubling_high_mul(value, _HALF_SQRT_2)) - 1
    mantissa_b = _raise(value, zeros)
    power_b = ((integer_bits - zeros) << (31 - accumulator_bits)) - quarter
    r, power = np.minimum(mantissa_a, mantissa_b), np.maximum(power_a, power_b)
    p = (r + _FOURTH_ROOT_OF_HALF + 1) >> 1
    q = 2 * (r - _FOURTH_ROOT_OF_HALF)
    square = doubling_high_mul(q, q)
    numerator = doubling_high_mul(q, r) + doubling_high_mul(
        doubling_high_mul(q, square), _LOG_ALPHA_N
    )
    inner = _LOG_ALPHA_I + q + doubling_high_mul(_LOG_ALPHA_D, square)
    denominator = doubling_high_mul(p, inner) + doubling_high_mul(_LOG_ALPHA_F, q)
    fraction = doubling_high_mul(
        saturating_shift(numerator, -accumulator_bits), one_over_one_plus_x(denominator)
    )
    return saturating_shift(doubling_high_mul(power, _LOG_2) + fraction, 1)


def _leading_zeros(value: Int64) -> Int64:
    """Return the leading zero bits of positive int32 values (exact in float64)."""
    top_bit: Int64 = np.floor(np.log2(value.astype(np.float64))).astype(np.int64)
    return 31 - top_bit


def _raise(value: Int64, bits: Any) -> Int64:
    """Return value * 2^bits, saturated; bits may differ per element."""
    raised: Int64 = np.clip(value << np.asarray(bits, np.int64), INT32_MIN, INT32_MAX)
    return raised


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
