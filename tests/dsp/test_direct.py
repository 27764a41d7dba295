"""Rescaling of sums as they are: proved numbers against the judge's formula over every sum."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm.dsp.direct import BIAS_BITS, direct_rescaling
from mcu_slm.dsp.packing import SCALE_BITS
from mcu_slm.dsp.rescaling import Sums, finest_shift
from mcu_slm.quant import INT8_MAX, INT8_MIN, quantize_multiplier

REACH = 30_000


def sums_of(scales: list[float], zero_point: int, act_min: int = INT8_MIN) -> Sums:
    count = len(scales)
    reach = np.full(count, REACH)
    multipliers = tuple(quantize_multiplier(scale) for scale in scales)
    return Sums(-reach, reach, multipliers, zero_point, act_min, INT8_MAX)


@pytest.mark.unit
@pytest.mark.parametrize("zero_point", [-128, -100])
def test_every_sum_gives_the_output_of_the_judge(zero_point: int) -> None:
    scales = np.random.default_rng(8).uniform(0.004, 0.02, 24).tolist()
    sums = sums_of(scales, zero_point, act_min=zero_point)
    shift = finest_shift(sums, SCALE_BITS) - SCALE_BITS
    found = direct_rescaling(sums, shift)
    assert found is not None
    acc = np.arange(-REACH, REACH + 1)
    wanted = sums.output(np.tile(acc, (len(scales), 1)))
    product = ((acc + found.added[:, None]) * found.multiplier[:, None]) >> 32
    total = found.middle + found.offset[:, None] + product
    assert np.array_equal(np.clip(total >> shift, zero_point, INT8_MAX), wanted)
    room = 1 << (31 - BIAS_BITS)
    assert ((found.offset >= -room) & (found.offset < room)).all()


@pytest.mark.unit
def test_channels_that_never_change_get_a_sum_of_their_own() -> None:
    sums = sums_of([0.01, 1e-9], -128)
    found = direct_rescaling(sums, 4)
    assert found is not None
    assert found.is_constant.tolist() == [False, True]
    total = found.middle + ((found.constants[1] * found.multiplier[1]) >> 32)
    assert total >> 4 == -128


@pytest.mark.unit
def test_negative_sums_whose_ties_matter_have_none() -> None:
    assert direct_rescaling(sums_of([0.01, 0.013], 3), 4) is None


@pytest.mark.unit
def test_no_bits_of_the_shift_are_left() -> None:
    assert direct_rescaling(sums_of([0.01], -128), 0) is None
