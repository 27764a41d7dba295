"""The integer formula is the real one, rounded: checked on all 65,536 counts."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcu_slm.counts import CountNormalisation, count_normalisation
from mcu_slm.quant import quantize_activation, snap_scale

pytestmark = pytest.mark.unit

COUNTS = np.arange(-(2**15), 2**15, dtype=np.int16)
SENSORS = {
    "accelerometer in counts": (120.5, 2300.25, 1.0),
    "accelerometer in g": (0.0123, 0.31, 0.000061),
    "vibration, hardly moving": (-20_000.0, 0.5, 1.0),
    "constant": (17.0, 1.0, 1.0),
    "full range": (0.0, 18_918.6, 1.0),
    "temperature": (21.5, 3.5, 0.0078125),
}
SCALE, ZERO_POINT = snap_scale(8.3 / 255), 9


def one(mean: float, std: float, channel_scale: float) -> CountNormalisation:
    rounded = (float(np.float32(mean)), float(np.float32(std)))
    return CountNormalisation((rounded[0],), (rounded[1],), (channel_scale,))


@pytest.mark.parametrize("sensor", SENSORS)
def test_codes_are_the_real_formula_rounded_halves_up(sensor: str) -> None:
    normalisation = one(*SENSORS[sensor])
    quantizer = normalisation.quantizer(SCALE, ZERO_POINT)
    assert quantizer is not None
    found = quantizer.quantize(COUNTS[:, None])[:, 0]
    mean, std, channel_scale = (Fraction(v[0]) for v in vars(normalisation).values())
    step, differing = std * Fraction(SCALE), 0
    for count, code in zip(COUNTS.tolist(), found.tolist(), strict=True):
        exact = (count * channel_scale - mean) / step + ZERO_POINT + Fraction(1, 2)
        if code != min(max(floor(exact), -128), 127):
            differing += 1
            assert abs(exact - round(exact)) < Fraction(1, 2**14)  # a tie, within the constants
    assert differing <= 1


@pytest.mark.parametrize("sensor", SENSORS)
def test_codes_of_floats_differ_by_one_at_most(sensor: str) -> None:
    normalisation = one(*SENSORS[sensor])
    mean, std = np.float32(normalisation.mean), np.float32(normalisation.std)
    recorded = (COUNTS[:, None] * np.float64(normalisation.channel_scales)).astype(np.float32)
    floats = quantize_activation((recorded - mean) / std, SCALE, ZERO_POINT).astype(int)
    quantizer = normalisation.quantizer(SCALE, ZERO_POINT)
    assert quantizer is not None
    difference = np.abs(quantizer.quantize(COUNTS[:, None]) - floats)
    assert difference.max() <= 1
    assert difference.sum() <= 200


@pytest.mark.parametrize("sensor", SENSORS)
def test_counts_come_back_from_normalised_floats(sensor: str) -> None:
    normalisation = one(*SENSORS[sensor])
    mean, std = np.float32(normalisation.mean), np.float32(normalisation.std)
    recorded = (COUNTS[:, None] * np.float64(normalisation.channel_scales)).astype(np.float32)
    normalised = ((recorded - mean) / std).astype(np.float32)
    assert np.array_equal(normalisation.counts_of(normalised)[:, 0], COUNTS)


@settings(max_examples=60)
@given(
    st.floats(-32768, 32767, width=32),
    st.floats(2.0**-10, 2.0**15, width=32),
    st.floats(2.0**-12, 2.0, width=32),
    st.integers(-128, 127),
)
def test_constants_fit_and_codes_rise_with_counts(
    mean: float, std: float, scale: float, zero_point: int
) -> None:
    quantizer = one(mean, std, 1.0).quantizer(scale, zero_point)
    assert quantizer is not None
    assert 0 < quantizer.multipliers[0] < 2**31
    assert abs(quantizer.addends[0]) < 2**62
    codes = quantizer.quantize(COUNTS[:, None]).astype(int)
    assert (np.diff(codes, axis=0) >= 0).all()
    at_mean = quantizer.quantize(np.array([[round(mean)]], np.int16))
    assert abs(int(at_mean[0, 0]) - zero_point) <= 1 + 0.5 / (std * scale)


def test_every_channel_has_its_own_constants() -> None:
    both = CountNormalisation((0.0, 100.0), (10.0, 1.0), (1.0, 1.0)).quantizer(0.5, 0)
    assert both is not None
    codes = both.quantize(np.array([[10, 100], [5, 101], [3, 99]], np.int16))
    assert codes.tolist() == [[2, 0], [1, 2], [1, -2]]


def test_what_does_not_fit_has_no_constants() -> None:
    assert CountNormalisation((0.0,), (0.0,), (1.0,)).quantizer(0.5, 0) is None
    assert CountNormalisation((0.0,), (1e-12,), (1.0,)).quantizer(0.5, 0) is None
    assert CountNormalisation((), (), ()).quantizer(0.5, 0) is None
    assert count_normalisation((0.0,), (1.0,), (), 1) is None
