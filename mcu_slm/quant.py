"""Integer arithmetic of the numeric contract, on NumPy int64 arrays.

real = scale * (quantised - zero_point). A real multiplier is held as `multiplier * 2^(shift - 31)`
with a Q0.31 mantissa; a positive shift is a left shift. Requantisation rounds twice, as TensorFlow
Lite Micro does: first a doubling high multiply whose ties go towards plus infinity, then a right
shift whose ties go away from zero.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Int64: TypeAlias = npt.NDArray[np.int64]

INT8_MIN, INT8_MAX = -128, 127
INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
SCALE_MANTISSA_BITS = 12
"""Our own models' scales keep this many bits: a product of two is then exact in float32."""
UNWEIGHTED = 8.0
"""A score that far below all others of its row gets a softmax of 0: exp(-8) is 0.09 of a step."""


SOFTMAX_SCALE, SOFTMAX_ZERO_POINT = 1.0 / 256.0, -128
"""The output quantisation that TensorFlow Lite fixes for SOFTMAX."""

TANH_SCALE, TANH_ZERO_POINT = 1.0 / 128.0, 0
"""The output quantisation that TensorFlow Lite fixes for TANH."""

LOG_SOFTMAX_SCALE, LOG_SOFTMAX_ZERO_POINT = 1.0 / 16.0, 127
"""The output quantisation that TensorFlow Lite fixes for LOG_SOFTMAX."""

SURPRISE_SCALE, SURPRISE_ZERO_POINT = LOG_SOFTMAX_SCALE, -128
"""The quantisation of a surprise: 0 to 15.94 nats, in steps of 1/16."""

HIDDEN_SCALE = 2.0**-7
"""Scale of a recurrent layer's hidden states, which lie within -1 and 1; their zero point is 0."""

GATE_SCALE = 2.0**-12
"""Scale of the int16 sums that open a recurrent layer's gates."""

CELL_POWER = -11
"""A cell state in int16 has the scale 2^-11, which holds up to 16, unless it grows beyond."""


class Multiplier(NamedTuple):
    """A real number as Q0.31 mantissa and power of two: `multiplier * 2^(shift - 31)`."""

    multiplier: int
    shift: int


def quantize_multiplier(real_multiplier: float) -> Multiplier:
    """Return the Q0.31 mantissa (2^30 .. 2^31-1, or 0) and shift of a non-negative real number.

    Source: behaviour of TensorFlow Lite's QuantizeMultiplier in double precision: the mantissa is
        rounded half away from zero and values below 2^-32 become zero.
    """
    if real_multiplier == 0.0:
        return Multiplier(0, 0)
    mantissa, shift = math.frexp(real_multiplier)
    multiplier = math.floor(mantissa * 2.0**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return Multiplier(0, 0)
    return Multiplier(multiplier, shift)


def doubling_high_mul(a: Any, b: Any) -> Int64:
    """Return round(a * b / 2^31) with ties towards plus infinity, saturated for (-2^31)^2."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: Int64 = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return high


def rounding_shift_right(x: Any, exponent: Any) -> Int64:
    """Return round(x / 2^exponent) with ties away from zero, for exponent >= 0."""
    value = np.asarray(x, np.int64)
    bits = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << bits) - 1
    threshold = (mask >> 1) + (value < 0)
    return (value >> bits) + ((value & mask) > threshold)


def wrap_int32(x: Any) -> Int64:
    """Return `x` modulo 2^32 as a signed 32-bit value, as 32-bit hardware computes it."""
    return ((np.asarray(x, np.int64) + 2**31) & 0xFFFF_FFFF) - 2**31


def requantize(x: Any, multiplier: Any, shift: Any) -> Int64:
    """Multiply int32 values by `multiplier * 2^(shift - 31)` with double rounding."""
    bits = np.asarray(shift, np.int64)
    left = np.maximum(bits, 0)
    right = np.maximum(-bits, 0)
    scaled = wrap_int32(np.asarray(x, np.int64) << left)
    return rounding_shift_right(doubling_high_mul(scaled, multiplier), right)


def saturate_int8(x: Any, act_min: int = INT8_MIN, act_max: int = INT8_MAX) -> npt.NDArray[np.int8]:
    """Clamp to [act_min, act_max] and return int8."""
    clamped: npt.NDArray[np.int8] = np.clip(x, act_min, act_max).astype(np.int8)
    return clamped


def snap_scale(scale: float, mantissa_bits: int = SCALE_MANTISSA_BITS) -> float:
    """Round a scale to `mantissa_bits` bits of mantissa: error at most 2^-mantissa_bits of it."""
    mantissa, exponent = math.frexp(scale)
    return float(
        np.float32(math.ldexp(round(mantissa * (1 << mantissa_bits)), exponent - mantissa_bits))
    )


def activation_quantization(low: float, high: float) -> tuple[float, int]:
    """Return the snapped scale and zero point of an asymmetric int8 range.

    Zero is always representable.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = snap_scale(max(high - low, 1e-6) / 255.0)
    zero_point = round(INT8_MIN - low / scale)
    return scale, int(min(max(zero_point, INT8_MIN), INT8_MAX))


def cell_scale(peak: float) -> float:
    """Return the scale of an int16 cell state that reaches `peak`: a power of two, at most 1."""
    fitting = math.ceil(math.log2(max(peak, 1e-6) / INT16_MAX))
    return 2.0 ** min(max(fitting, CELL_POWER), 0)


def masked_quantization(scale: float, zero_point: int) -> tuple[float, int, float]:
    """Return scale and zero point of masked scores, and what the mask takes off them.

    The lowest code is left to what the mask hides, far enough below all scores; the mask takes off
    so much that whatever it hides ends there, so that nothing of it can be seen.
    """
    low, high = scale * (INT8_MIN - zero_point), scale * (INT8_MAX - zero_point)
    masked = activation_quantization(low - UNWEIGHTED, high)
    return *masked, 2.0 * (high - low + UNWEIGHTED)


def bins_of_codes(edges: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """Return the bin of every int8 code, -128 first: how many edges lie below it."""
    codes = np.arange(INT8_MIN, INT8_MAX + 1) - zero_point
    reals = codes.astype(np.float32) * np.float32(scale)
    return np.searchsorted(np.asarray(edges, np.float32), reals).astype(np.int8)


def quantize_activation(
    values: npt.ArrayLike, scale: float, zero_point: int
) -> npt.NDArray[np.int8]:
    """Quantise real values in float32, ties to even (NumPy, PyTorch and IEEE agree on that)."""
    scaled = np.asarray(values, np.float32) / np.float32(scale)
    return saturate_int8(np.rint(scaled) + zero_point)


def quantize_weights(
    weights: npt.ArrayLike, axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return symmetric per-channel int8 weights in [-127, 127] and their snapped scales.

    Shapes: weights: float [..., channels at `axis`, ...] -> same shape, [channels].
    """
    values = np.asarray(weights, np.float32)
    others = tuple(i for i in range(values.ndim) if i != axis)
    peaks = np.abs(values).max(axis=others)
    scales = np.array([snap_scale(max(float(p), 1e-6) / 127.0) for p in peaks], np.float32)
    shape = [1] * values.ndim
    shape[axis] = -1
    quantized = np.clip(np.rint(values / scales.reshape(shape)), -127, 127).astype(np.int8)
    return quantized, scales


def quantize_bias(
    bias: npt.ArrayLike, input_scale: float, weight_scales: npt.ArrayLike
) -> npt.NDArray[np.int32]:
    """Return int32 biases at scale input_scale * weight_scale, in float64 and saturated."""
    scales = np.float64(input_scale) * np.asarray(weight_scales, np.float64)
    return np.clip(np.rint(np.asarray(bias, np.float64) / scales), -INT32_MAX, INT32_MAX).astype(
        np.int32
    )
