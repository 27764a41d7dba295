"""Short ways from a sum to int8, proved equal to the judge's over every sum that can occur.

The judge's requantisation rounds twice and takes some twenty instructions. Where a kernel delivers
X = acc * 2^scale_bits, two instructions of the Cortex-M4 may do:

    y = saturate_s8((offset + (X * multiplier >> 32)) >> shift)            SMMLA, SSAT

and four where negative sums matter, whose ties the judge rounds the other way:

    y = saturate_s8((offset - (correction & (X >> 31)) + (X * multiplier >> 32)) >> shift)

Both this and the judge's function never fall when acc rises. Two such functions are equal
everywhere if they are equal at the ends and on both sides of every place where the judge's rises:
at most 255 places per channel, so the proof is complete and takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.linear import Linear
from mcu_slm.quant import INT32_MAX, Int64, Multiplier, requantize

_LONGEST_SHIFT = 31 - 8
_FARTHEST_STEP = 32
_FARTHEST_UNITS = 3
_WIDE_STEPS = 1024
_FEW_CHANNELS = 16
_PARTS = 64
_UNBOUND = 1 << 62
_GUESS_STEPS = 64
_MANTISSA_BITS = 31


@dataclass(frozen=True)
class Sums:
    """What the sums of a layer can be, and what the judge makes of them.

    Shapes: lowest, highest: int64 [channels], the least and the greatest sum of each channel.
    """

    lowest: Int64
    highest: Int64
    multipliers: tuple[Multiplier, ...]
    zero_point: int
    act_min: int
    act_max: int

    def output(self, acc: Int64) -> Int64:
        """Return the judge's outputs. Shapes: int64 [channels, n] -> the same."""
        mantissa, shift = (
            np.array([m[part] for m in self.multipliers], np.int64)[:, None] for part in (0, 1)
        )
        scaled: Int64 = requantize(acc, mantissa, shift) + self.zero_point
        return np.clip(scaled, self.act_min, self.act_max)


@dataclass(frozen=True, eq=False)
class ShortRescaling:
    """A proved short form for all channels of a layer.

    Shapes: removed, multiplier, offset, correction: int64 [channels]. The kernel's sums must lie
        `removed` below the layer's (its biases do). `correction` is 0 everywhere where the
        two-instruction form holds.
    """

    shift: int
    removed: Int64
    extra_shift: Int64
    multiplier: Int64
    offset: Int64
    correction: Int64

    @property
    def is_signed(self) -> bool:
        """Whether negative sums take the correction."""
        return bool(self.correction.any())

    @property
    def form(self) -> str:
        """How sums become int8, as kernel templates call it."""
        if self.is_signed:
            return "signed"
        return "extra" if self.extra_shift.any() else "short"

    @property
    def is_mixed(self) -> bool:
        """Whether channels need both the correction and a longer shift: no kernel does that."""
        return self.is_signed and bool(self.extra_shift.any())

    @property
    def is_uniform(self) -> bool:
        """Whether all channels share one set of numbers."""
        parts = (self.multiplier, self.offset, self.correction)
        return all(len(np.unique(part)) == 1 for part in parts)

    @property
    def common_correction_bits(self) -> int | None:
        """The power of two that every channel's correction is, None where they differ."""
        values = np.unique(self.correction)
        return int(values[0]).bit_length() - 1 if len(values) == 1 and values[0] else None


def shorten(
    sums: Sums, scale_bits: int, shift: int | None = None, *, is_signed: bool = False
) -> ShortRescaling | None:
    """Find and prove a short form for sums that a kernel delivers times 2^scale_bits.

    `shift` asks for a certain last shift, so that layers can share code; by default it is the
    largest one, which keeps most bits. `is_signed` asks for the correction of negative sums even
    where no such sum matters.

    Returns None where there is none: a sum too large to be scaled, or no numbers near the exact
    ones that round everywhere as the judge does.
    """
    if wraps(sums):
        return None
    points = decisive_sums(sums)
    wanted = sums.output(points)
    is_constant = (wanted == wanted[:, :1]).all(axis=1)
    sums = _without_multipliers(sums, is_constant)
    is_one_sided = sums.act_min >= sums.zero_point and not is_signed
    limit = INT32_MAX >> scale_bits
    is_far = np.maximum(sums.highest, -sums.lowest) > limit
    removed = np.where(is_far & ~is_constant, (sums.lowest + sums.highest) // 2, 0)
    reach = np.where(is_constant, 0, np.maximum(sums.highest - removed, removed - sums.lowest))
    if int(reach.max()) > limit or (removed.any() and not is_one_sided):
        return None
    search = _Search(sums, scale_bits, is_one_sided, removed, points, wanted)
    return search.run(shift)


def wraps(sums: Sums) -> bool:
    """Whether a left shift of the judge loses bits of a sum: its output then rises and falls."""
    left = np.array([max(m.shift, 0) for m in sums.multipliers], np.int64)
    reach = np.maximum(np.abs(sums.lowest), np.abs(sums.highest))
    return bool((reach > INT32_MAX >> left).any())


def finest_shift(sums: Sums, scale_bits: int) -> int:
    """Return the last shift at which the channel of the largest scale keeps all its bits."""
    powers = [m.shift for m in sums.multipliers if m.multiplier]
    return min(scale_bits - 1 - max(powers, default=1 - scale_bits), _LONGEST_SHIFT)


def lost_bits(sums: Sums, scale_bits: int, shift: int) -> Int64:
    """Return how many bits of each channel's multiplier do not count at a last shift."""
    mantissa = np.array([m.multiplier for m in sums.multipliers], np.int64)
    power = np.array([m.shift for m in sums.multipliers], np.int64)
    return np.where(mantissa > 0, scale_bits - 1 - shift - power, 0)


def offset_bounds(
    sums: Sums, shift: Int64 | np.int64, product: Int64, wanted: Int64
) -> tuple[Int64, Int64]:
    """Return the least and the greatest offset per channel that give all outputs that are wanted.

    Outputs at the clamps bind on one side only. Shapes: product, wanted: [channels, n].
    """
    raised, lowered = wanted > sums.act_min, wanted < sums.act_max
    low = np.where(raised, (wanted << shift) - product, -_UNBOUND).max(axis=1)
    high = np.where(lowered, ((wanted + 1) << shift) - 1 - product, _UNBOUND).min(axis=1)
    return low, high


def _without_multipliers(sums: Sums, dropped: npt.NDArray[np.bool_]) -> Sums:
    """Return the sums with multiplier 0 for some channels: whatever the sum, one output."""
    kept = tuple(
        Multiplier(0, 0) if drop else m for m, drop in zip(sums.multipliers, dropped, strict=True)
    )
    return replace(sums, multipliers=kept)


def accumulator_range(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], input_zero_point: int
) -> tuple[Int64, Int64]:
    """Return the least and the greatest sum of each channel over all int8 inputs.

    Shapes: weights: [channels, ...]; bias: [channels].
    """
    rows = weights.reshape(len(weights), -1).astype(np.int64)
    low, high = -128 - input_zero_point, 127 - input_zero_point
    raising, lowering = np.maximum(rows, 0).sum(1), np.minimum(rows, 0).sum(1)
    wide = bias.astype(np.int64)
    return raising * low + lowering * high + wide, raising * high + lowering * low + wide


def sums_of(linear: Linear, rows: npt.NDArray[np.int8]) -> Sums:
    """Return what the sums of a layer can be. Shapes: rows: [channels, ...], its weights."""
    low, high = accumulator_range(rows, linear.bias, linear.input_zero_point)
    return Sums(
        low,
        high,
        linear.multipliers,
        linear.output_zero_point,
        linear.act_min,
        linear.act_max,
    )


def decisive_sums(sums: Sums) -> Int64:
    """Return the sums on both sides of every rise of the judge's output, and the ends.

    Shapes: -> [channels, points], within each channel's range.
    """
    lowest, highest = sums.lowest[:, None], sums.highest[:, None]
    levels = np.arange(sums.act_min + 1, sums.act_max + 1, dtype=np.int64)
    real = np.array([m.multiplier * 2.0 ** (m.shift - 31) for m in sums.multipliers])[:, None]
    with np.errstate(all="ignore"):
        constant = np.where(levels <= sums.zero_point, -np.inf, np.inf)
        guess = np.where(real > 0, (levels - sums.zero_point - 0.5) / real, constant)
    first = np.clip(np.ceil(guess), lowest, highest).astype(np.int64)
    for _ in range(_GUESS_STEPS):
        late = (first > lowest) & (sums.output(np.maximum(first - 1, lowest)) >= levels)
        early = (first < highest) & (sums.output(first) < levels)
        if not late.any() and not early.any():
            before = np.maximum(first - 1, lowest)
            return np.concatenate([lowest, highest, before, first], axis=1)
        first = first - late + (early & ~late)
    raise AssertionError("a rise of the rescaled sums is not where its scale puts it")


@dataclass(frozen=True, eq=False)
class _Search:
    """The sums that decide, with the outputs wanted there.

    Shapes: removed: [channels]; points, wanted: [channels, n].
    """

    sums: Sums
    scale_bits: int
    is_one_sided: bool
    removed: Int64
    points: Int64
    wanted: Int64

    def run(self, wanted: int | None) -> ShortRescaling | None:
        """Try one shift for all channels, then a longer one for those where that is too coarse."""
        mantissa = np.array([m.multiplier for m in self.sums.multipliers], np.int64)
        shift = finest_shift(self.sums, self.scale_bits)
        if wanted is not None and wanted <= shift:
            shift = wanted
        elif wanted is not None or shift < 1:
            return None
        lost = lost_bits(self.sums, self.scale_bits, shift)
        found = self._start(shift, np.zeros_like(lost), mantissa, lost)
        rows = np.arange(len(mantissa))
        rows = self._prove(found, rows)
        if len(rows) <= _FEW_CHANNELS:
            hard = [row for row in rows.tolist() if not self._try_widely(found, row)]
            rows = np.array(hard, np.int64)
        if not len(rows):
            return found
        extra = np.zeros_like(lost)
        extra[rows] = np.minimum(lost[rows], _LONGEST_SHIFT - shift)
        longer = self._start(shift, extra, mantissa, lost - extra)
        for part in ("multiplier", "offset", "correction"):
            getattr(found, part)[rows] = getattr(longer, part)[rows]
        found.extra_shift[rows] = extra[rows]
        return None if len(self._prove(found, rows)) else found

    def _start(self, shift: int, extra: Int64, mantissa: Int64, lost: Int64) -> ShortRescaling:
        """Return the exact numbers, without the bits that are lost, before any proof."""
        bits, longer = self.scale_bits, shift + extra
        tie = np.int64(1) << np.maximum(bits - 1 - lost, 0)  # 2^-e in units of the offset
        tie = np.where((mantissa == 0) | (lost >= bits), 0, tie)
        nearest = mantissa >> np.clip(lost, 0, _MANTISSA_BITS)
        removed = (self.removed * nearest) >> (32 - bits)
        offset = (self.sums.zero_point << longer) + (1 << (longer - 1)) + tie // 2 + removed
        correction = np.zeros_like(tie) if self.is_one_sided else tie
        return ShortRescaling(shift, self.removed, extra.copy(), nearest, offset, correction)

    def _prove(self, found: ShortRescaling, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Search near the exact multipliers of some channels; return those that remain unproved."""
        for step in _steps():
            rows = rows[~self._try(found, rows, step)]
            if not len(rows):
                break
        return rows

    def _try_widely(self, found: ShortRescaling, row: int) -> bool:
        """Search as far as a channel's rises let its multiplier move; enter what holds.

        From its first rise to its last, products may be off by some units. Where rises are few and
        close together, that leaves much room.
        """
        before, first = np.split(self.points[row, 2:], 2)
        rises = np.diff(np.split(self.wanted[row, 2:], 2), axis=0)[0] > 0
        if not rises.any():
            return False
        span = int(first[rises].max() - before[rises].min()) << self.scale_bits
        room = _FARTHEST_UNITS * (1 << 32) // span
        steps = np.unique(np.linspace(-room, room, _WIDE_STEPS).astype(np.int64))
        multiplier = found.multiplier[row] + steps[np.argsort(np.abs(steps), kind="stable")]
        multiplier = multiplier[(multiplier >= 0) & (multiplier <= INT32_MAX)]
        scaled = (self.points[row] - self.removed[row]) << self.scale_bits
        product = (scaled * multiplier[:, None]) >> 32
        product -= found.correction[row] * (scaled < 0)
        low, high = offset_bounds(self.sums, np.int64(found.shift), product, self.wanted[[row]])
        offset = np.clip(found.offset[row], low, high)
        fits = np.abs(offset[:, None] + product).max(axis=1) <= INT32_MAX
        good = np.flatnonzero(fits & (low <= high))
        if len(good):
            found.multiplier[row], found.offset[row] = multiplier[good[0]], offset[good[0]]
        return len(good) > 0

    @staticmethod
    def _unit(scaled: Int64) -> Int64:
        """Return the least change of a multiplier that shows in a product."""
        unit: Int64 = (1 << 32) // np.maximum(np.abs(scaled).max(axis=1), 1) // _PARTS
        return np.maximum(unit, 1)

    def _try(
        self, found: ShortRescaling, rows: npt.NDArray[np.int64], step: int
    ) -> npt.NDArray[np.bool_]:
        """Move the multipliers of some channels, prove them; enter and return those that hold."""
        scaled = (self.points[rows] - self.removed[rows, None]) << self.scale_bits
        multiplier = found.multiplier[rows] + step * self._unit(scaled)
        product = (scaled * multiplier[:, None]) >> 32
        product -= found.correction[rows, None] * (scaled < 0)
        shift = found.shift + found.extra_shift[rows, None]
        low, high = offset_bounds(self.sums, shift, product, self.wanted[rows])
        offset = np.clip(found.offset[rows], low, high)
        fits = np.abs(offset[:, None] + product).max(axis=1) <= INT32_MAX
        good: npt.NDArray[np.bool_] = (
            fits & (multiplier >= 0) & (multiplier <= INT32_MAX) & (low <= high)
        )
        found.multiplier[rows[good]] = multiplier[good]
        found.offset[rows[good]] = offset[good]
        return good


def _steps() -> Iterator[int]:
    yield 0
    for distance in range(1, _FARTHEST_STEP + 1):
        yield from (distance, -distance)
