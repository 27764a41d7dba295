"""Short rescalings, proved at some sums, hold at all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcu_slm.dsp.packing import PackedRescaling, pack
from mcu_slm.dsp.rescaling import ShortRescaling, Sums, accumulator_range, shorten
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, Int64, quantize_multiplier

pytestmark = pytest.mark.unit

BITS = 8
CHANNELS = 6


def sums(seed: int, spread: float, *, relu: bool, bias: int = 3000) -> Sums:
    """Return sums of channels whose scales differ by up to `spread`."""
    rng = np.random.default_rng(seed)
    reals = rng.uniform(0.0005, 0.02) * spread ** -rng.uniform(0, 1, CHANNELS)
    half = rng.integers(2_000, 60_000, CHANNELS)
    middle = rng.integers(-bias, bias + 1, CHANNELS)
    zero_point = INT8_MIN if relu else int(rng.integers(-60, 61))
    multipliers = tuple(quantize_multiplier(float(real)) for real in reals)
    return Sums(middle - half, middle + half, multipliers, zero_point, INT8_MIN, INT8_MAX)


def everything(these: Sums, channel: int) -> tuple[Sums, Int64]:
    """Return one channel's sums, and all of them."""
    low, high = (int(part[channel]) for part in (these.lowest, these.highest))
    one = replace(
        these,
        lowest=these.lowest[[channel]],
        highest=these.highest[[channel]],
        multipliers=these.multipliers[channel : channel + 1],
    )
    return one, np.arange(low, high + 1)[None, :]


def rescaled(form: ShortRescaling, channel: int, acc: Int64, these: Sums) -> Int64:
    """Return what the kernels compute, instruction by instruction, and check its registers."""
    x = (acc - form.removed[channel]) << BITS
    total = form.offset[channel] - np.where(x < 0, form.correction[channel], 0)
    total = total + ((x * form.multiplier[channel]) >> 32)
    if form.multiplier[channel]:  # else the sum may wrap around: it is multiplied by 0
        assert abs(x).max() <= INT32_MAX
    assert abs(total).max() <= INT32_MAX
    shifted = (total >> form.extra_shift[channel]) >> form.shift
    return np.clip(np.clip(shifted, INT8_MIN, INT8_MAX), these.act_min, these.act_max)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("spread", [1.0, 4.0, 60.0, 4000.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_proved_form_is_right_for_every_sum(seed: int, spread: float, relu: bool) -> None:
    these = sums(seed, spread, relu=relu)
    form = shorten(these, BITS)
    assert form is not None
    assert form.is_signed == (not relu)
    for channel in range(CHANNELS):
        one, acc = everything(these, channel)
        np.testing.assert_array_equal(rescaled(form, channel, acc, these), one.output(acc))


def test_forms_of_a_smaller_shift_are_right_too() -> None:
    these = sums(3, 4.0, relu=True)
    finest = shorten(these, BITS)
    assert finest is not None
    form = shorten(these, BITS, finest.shift - 1)
    assert form is not None
    assert form.shift == finest.shift - 1
    for channel in range(CHANNELS):
        one, acc = everything(these, channel)
        np.testing.assert_array_equal(rescaled(form, channel, acc, these), one.output(acc))
    assert shorten(these, BITS, finest.shift + 1) is None


def test_far_sums_of_a_narrow_range_are_moved_to_the_middle() -> None:
    these = sums(5, 1.0, relu=True)
    far = replace(these, lowest=these.lowest + 2**24, highest=these.highest + 2**24)
    far = replace(far, multipliers=tuple(quantize_multiplier(1e-5) for _ in far.multipliers))
    form = shorten(far, BITS)
    assert form is not None
    assert form.removed.any()  # not where the output never changes
    for channel in range(CHANNELS):
        one, acc = everything(far, channel)
        np.testing.assert_array_equal(rescaled(form, channel, acc, far), one.output(acc))


def test_what_does_not_fit_or_wraps_has_no_form() -> None:
    these = sums(1, 1.0, relu=False)
    wide = replace(these, lowest=np.full(CHANNELS, -(2**25)), highest=np.full(CHANNELS, 2**25))
    assert shorten(wide, BITS) is None
    raised = replace(wide, multipliers=tuple(quantize_multiplier(100.0) for _ in wide.multipliers))
    assert shorten(raised, BITS) is None


def unpacked(packed: PackedRescaling, channel: int, *, is_signed: bool) -> tuple[int, int, int]:
    """Return a channel's three numbers as `mcu_slm_dsp_unpack` makes them of the table."""
    table = packed.table()
    word = int(table[0 if packed.is_uniform else channel])
    if word < 0:
        first, second, third = (int(number) for number in table[-word : 3 - word])
        return first, second, third
    tie = 128 >> (word & 7)
    return word, packed.middle + tie // 2, tie if is_signed else 0


def assert_packed_right(these: Sums, form: ShortRescaling, packed: PackedRescaling) -> None:
    """Check every sum of every channel, instruction by instruction."""
    for channel in range(len(these.lowest)):
        one, acc = everything(these, channel)
        first, second, third = unpacked(packed, channel, is_signed=form.is_signed)
        varying = np.zeros_like(acc) if packed.is_constant[channel] else acc
        x = (packed.biases(np.zeros(len(these.lowest), np.int64))[channel] + varying) << BITS
        total = second - np.where((x < 0) & form.is_signed, third, 0) + ((x * first) >> 32)
        shift = packed.shift + (0 if form.is_signed else third)
        if first:
            assert np.abs(x).max() <= INT32_MAX
        got = np.clip(np.clip(total >> shift, INT8_MIN, INT8_MAX), these.act_min, these.act_max)
        np.testing.assert_array_equal(got, one.output(acc))


@pytest.mark.parametrize(
    ("spread", "relu"), [(1.0, True), (4.0, True), (4000.0, True), (1.0, False), (4.0, False)]
)
@pytest.mark.parametrize("seed", range(8))
def test_a_packed_word_is_right_for_every_sum(seed: int, spread: float, relu: bool) -> None:
    these = sums(seed, spread, relu=relu)
    form = shorten(these, BITS)
    assert form is not None
    packed = pack(these, form)
    assert_packed_right(these, form, packed)
    if spread <= 4:
        assert (packed.words >= 0).any()


def test_channels_that_no_word_does_keep_their_numbers() -> None:
    these = sums(5, 1.0, relu=True)
    far = replace(these, lowest=these.lowest + 2**24, highest=these.highest + 2**24)
    far = replace(far, multipliers=tuple(quantize_multiplier(1e-5) for _ in far.multipliers))
    form = shorten(far, BITS)
    assert form is not None
    packed = pack(far, form)
    assert (packed.words[form.removed != 0] < 0).all()
    assert (packed.words < 0).any()
    assert_packed_right(far, form, packed)


def test_channels_with_the_same_numbers_share_one_word() -> None:
    these = sums(2, 1.0, relu=False)
    alike = replace(
        these,
        lowest=np.full(CHANNELS, -30_000),
        highest=np.full(CHANNELS, 30_000),
        multipliers=these.multipliers[:1] * CHANNELS,
    )
    form = shorten(alike, BITS)
    assert form is not None
    packed = pack(alike, form)
    assert packed.is_uniform
    assert len(packed.table()) <= 4
    assert_packed_right(alike, form, packed)


def test_a_channel_that_never_changes_gets_a_sum_that_gives_its_output() -> None:
    these = sums(2, 1.0, relu=True)
    still = replace(these, lowest=these.lowest - 90_000, highest=these.lowest - 80_000)
    form = shorten(still, BITS)
    assert form is not None
    packed = pack(still, form)
    assert packed.is_constant.all()
    assert_packed_right(still, form, packed)


def test_few_rises_leave_room_for_multipliers_far_from_the_exact_one() -> None:
    reals, half = (0.01, 0.01 / 3000), np.array([20_000, 60_000])
    few = Sums(
        -half, half, tuple(quantize_multiplier(real) for real in reals), INT8_MIN, INT8_MIN, 127
    )
    form = shorten(few, BITS)
    assert form is not None
    assert not form.extra_shift.any()
    for channel in range(2):
        one, acc = everything(few, channel)
        np.testing.assert_array_equal(rescaled(form, channel, acc, few), one.output(acc))


def test_the_range_of_sums_is_reached_and_not_exceeded() -> None:
    weights = np.array([[3, -5, 0], [127, -127, 1]], np.int8)
    low, high = accumulator_range(weights, np.array([7, -9], np.int32), 4)
    corners = np.array([[a, b, c] for a in (-132, 123) for b in (-132, 123) for c in (-132, 123)])
    reached = corners @ weights.T.astype(np.int64) + np.array([7, -9])
    np.testing.assert_array_equal(low, reached.min(axis=0))
    np.testing.assert_array_equal(high, reached.max(axis=0))
