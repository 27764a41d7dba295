"""The integer arithmetic equals its definition in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mcu_slm import quant
from mcu_slm.quant import INT32_MAX, INT32_MIN, Multiplier, cell_scale

pytestmark = pytest.mark.unit

HALF = Fraction(1, 2)
EDGES = [0, 1, 2, 3, 127, 128, 255, 2**15, 2**20 - 1, 2**30 - 1, 2**30, 2**30 + 1, INT32_MAX - 1]
ACCUMULATORS = sorted({sign * n for n in EDGES for sign in (1, -1)} | {INT32_MAX, INT32_MIN})
MULTIPLIERS = [0, 2**30, 2**30 + 1, 1518500250, 2**31 - 2, INT32_MAX]

int32 = st.integers(INT32_MIN, INT32_MAX)
mantissa = st.integers(2**30, INT32_MAX)


def nearest_ties_up(x: Fraction) -> int:
    return math.floor(x + HALF)


def nearest_ties_away(x: Fraction) -> int:
    return math.floor(abs(x) + HALF) * (1 if x >= 0 else -1)


def exact_requantize(x: int, multiplier: int, shift: int) -> int:
    """Both roundings as the contract words them, in exact arithmetic."""
    raised = x * 2 ** max(shift, 0)
    wrapped = (raised + 2**31) % 2**32 - 2**31
    high = min(nearest_ties_up(Fraction(wrapped * multiplier, 2**31)), INT32_MAX)
    return nearest_ties_away(Fraction(high, 2 ** max(-shift, 0)))


def test_requantize_equals_exact_double_rounding_on_edges() -> None:
    triples = [(x, m, s) for x in ACCUMULATORS for m in MULTIPLIERS for s in range(-31, 31)]
    x, m, s = np.array(triples, np.int64).T
    assert quant.requantize(x, m, s).tolist() == [exact_requantize(*t) for t in triples]


@given(int32, mantissa, st.integers(-31, 30))
def test_requantize_equals_exact_double_rounding(x: int, multiplier: int, shift: int) -> None:
    assert int(quant.requantize(x, multiplier, shift)) == exact_requantize(x, multiplier, shift)


def test_double_rounding_differs_from_single_rounding() -> None:
    """0.5 - 2^-11 is rounded to 0 at once, but by way of 512 / 1024 to 1."""
    x, multiplier, shift = 1023, 2**30, -10
    single = nearest_ties_away(Fraction(x * multiplier, 2**41))
    assert (single, int(quant.requantize(x, multiplier, shift))) == (0, 1)


@given(int32, int32)
def test_doubling_high_mul_ties_go_up_and_the_one_overflow_saturates(a: int, b: int) -> None:
    expected = min(nearest_ties_up(Fraction(a * b, 2**31)), INT32_MAX)
    assert int(quant.doubling_high_mul(a, b)) == expected


def test_doubling_high_mul_of_the_two_smallest_saturates() -> None:
    assert int(quant.doubling_high_mul(INT32_MIN, INT32_MIN)) == INT32_MAX


@given(int32, st.integers(0, 31))
def test_rounding_shift_ties_go_away_from_zero(x: int, exponent: int) -> None:
    expected = nearest_ties_away(Fraction(x, 2**exponent))
    assert int(quant.rounding_shift_right(x, exponent)) == expected


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, Multiplier(0, 0)),
        (1.0, Multiplier(2**30, 1)),
        (0.5, Multiplier(2**30, 0)),
        (0.75, Multiplier(3 * 2**29, 0)),
        (2.0**-32, Multiplier(2**30, -31)),
        (
            math.nextafter(2.0**-32, 0.0),
            Multiplier(2**30, -31),
        ),  # its mantissa rounds up to a power
        (2.0**-32 * (1 - 2.0**-32), Multiplier(2**30, -31)),  # a tie goes away from zero
        (2.0**-32 * (1 - 2.0**-30), Multiplier(0, 0)),
        (math.nextafter(1.0, 0.0), Multiplier(2**30, 1)),
        (2.0**30, Multiplier(2**30, 31)),
    ],
)
def test_quantize_multiplier_corners(real: float, expected: Multiplier) -> None:
    assert quant.quantize_multiplier(real) == expected


@given(st.floats(2.0**-31, 2.0**30))
def test_quantize_multiplier_is_a_normal_mantissa_within_half_a_step(real: float) -> None:
    multiplier, shift = quant.quantize_multiplier(real)
    assert 2**30 <= multiplier <= INT32_MAX
    exact, step = Fraction(real), Fraction(2) ** (shift - 31)
    assert abs(multiplier * step - exact) <= step / 2


@given(st.floats(1e-6, 1e6))
def test_a_snapped_scale_has_a_short_mantissa_near_the_original(scale: float) -> None:
    snapped = quant.snap_scale(scale)
    mantissa_of, _ = math.frexp(snapped)
    assert mantissa_of * 2**quant.SCALE_MANTISSA_BITS == int(
        mantissa_of * 2**quant.SCALE_MANTISSA_BITS
    )
    assert abs(snapped - scale) <= scale * 2.0**-quant.SCALE_MANTISSA_BITS
    assert quant.snap_scale(snapped) == snapped == float(np.float32(snapped))


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3))
def test_a_product_of_snapped_scales_is_exact_in_float32(a: float, b: float) -> None:
    a, b = quant.snap_scale(a), quant.snap_scale(b)
    assert float(np.float32(a) * np.float32(b)) == a * b


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_an_activation_range_reaches_zero_and_both_ends(a: float, b: float) -> None:
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    assume(high - low >= 1e-6)
    scale, zero_point = quant.activation_quantization(low, high)
    assert -128 <= zero_point <= 127
    # The zero point is rounded and the scale snapped: each end may move by one step.
    assert abs(scale * (-128 - zero_point) - low) <= scale
    assert abs(scale * (127 - zero_point) - high) <= scale


@pytest.mark.parametrize(
    ("peak", "power"), [(0.0, -11), (15.99, -11), (16.0, -10), (31.9, -10), (1e9, 0)]
)
def test_a_cell_state_gets_the_usual_power_of_two_or_one_that_holds_it(
    peak: float, power: int
) -> None:
    assert cell_scale(peak) == 2.0**power


def test_an_empty_activation_range_still_has_a_scale() -> None:
    scale, zero_point = quant.activation_quantization(0.0, 0.0)
    assert scale > 0.0
    assert zero_point == -128


@given(st.integers(-128, 127), st.floats(1e-3, 1e3), st.integers(-128, 127))
def test_quantising_a_representable_value_gives_it_back(q: int, scale: float, zero: int) -> None:
    scale = quant.snap_scale(scale)
    assert int(quant.quantize_activation(scale * (q - zero), scale, zero)) == q


def test_quantising_activations_rounds_ties_to_even_and_saturates() -> None:
    values = [0.25, 0.75, 1.25, -0.25, -0.75, 1e9, -1e9]
    assert quant.quantize_activation(values, 0.5, 0).tolist() == [0, 2, 2, 0, -2, 127, -128]


def test_weights_are_symmetric_per_channel_and_never_minus_128() -> None:
    weights = np.random.default_rng(3).normal(size=(5, 4, 3)).astype(np.float32)
    weights[:, 2, :] = 0.0
    for axis in range(3):
        quantized, scales = quant.quantize_weights(weights, axis)
        assert quantized.shape == weights.shape
        assert scales.shape == (weights.shape[axis],)
        assert quantized.min() >= -127
        shape = [1, 1, 1]
        shape[axis] = -1
        error = np.abs(quantized * scales.reshape(shape) - weights)
        # Half a step, and at the peak what the snapped scale is too small by.
        assert np.all(error <= scales.reshape(shape) * (0.5 + 127 * 2.0**-12))


def test_bias_is_rounded_in_float64_and_saturated_symmetrically() -> None:
    scales = np.array([0.5, 0.25], np.float32)
    assert quant.quantize_bias([1.0, -1.0], 0.5, scales).tolist() == [4, -8]
    assert quant.quantize_bias([1e30, -1e30], 0.5, scales).tolist() == [INT32_MAX, -INT32_MAX]


def test_saturation_clamps_to_the_activation_range() -> None:
    assert quant.saturate_int8([-999, -5, 0, 5, 999]).tolist() == [-128, -5, 0, 5, 127]
    assert quant.saturate_int8([-999, -5, 0, 5, 999], -3, 4).tolist() == [-3, -3, 0, 4, 4]


@given(st.integers(-(2**62), 2**62))
def test_wrapping_is_modulo_two_to_the_32(x: int) -> None:
    assert int(quant.wrap_int32(x)) == (x + 2**31) % 2**32 - 2**31
