"""The numbers of a channel's short rescaling in one word instead of two or three.

The word is the multiplier itself. Its last three bits say how many bits of the judge's multiplier
were lost, and with that how fine the judge's second rounding is; offset and correction follow:

    tie = 128 >> (word & 7);  offset = middle + tie / 2;  correction = tie

`middle` is the same for all channels. A multiplier near the exact one with the right last bits
mostly does as well as the exact one; that it does is proved like every short rescaling. A channel
where none does keeps its numbers as they are: behind the words, with a negative word that says
where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.rescaling import (
    ShortRescaling,
    Sums,
    decisive_sums,
    lost_bits,
    offset_bounds,
)
from mcu_slm.quant import INT32_MAX, Int64

SCALE_BITS = 8
"""Sums arrive times 256: so a tie is 128 where no bit is lost."""

_LAST_BITS = 8
_MOST_LOST = 7
_NO_TIE = 7
_CONSTANT_MULTIPLIER = (1 << 30) | _NO_TIE
_SHIFTS_OF_CONSTANTS = range(SCALE_BITS - 2, 32 - SCALE_BITS - 2)
"""With these an output that never changes is a whole sum times the multiplier, in 32 bits."""

_FARTHEST_STEP = 24
_NEARBY_TIES = (0, 1, -1, 2, -2)
_PARTS = 64
_MANTISSA_BITS = 31


@dataclass(frozen=True, eq=False)
class PackedRescaling:
    """One word per channel.

    Shapes: words: int64 [channels], a multiplier or -1 - n for the n-th of `numbers`; numbers:
        int64 [n, 3], multiplier, offset, and correction or extra shift; removed: int64 [channels],
        what must be taken off a channel's sums; constants: int64 [channels], the sum that a channel
        must be given whose output never changes (its weights must be 0), where `is_constant` says
        so.
    """

    shift: int
    middle: int
    words: Int64
    numbers: Int64
    removed: Int64
    is_constant: npt.NDArray[np.bool_]
    constants: Int64

    @property
    def is_uniform(self) -> bool:
        """Whether all channels share one word."""
        return len(np.unique(self.words)) == 1

    def biases(self, bias: Int64) -> Int64:
        """Return what sums must begin with instead of a layer's biases."""
        return np.where(self.is_constant, self.constants, bias - self.removed)

    def table(self) -> npt.NDArray[np.int32]:
        """Return an even number of words, one if all are the same, and what lies behind them."""
        words = self.words[:1] if self.is_uniform else _even(self.words)
        placed = np.where(words < 0, -len(words) - 3 * (-1 - words), words)
        table: npt.NDArray[np.int32] = np.append(placed, self.numbers).astype(np.int32)
        return table


def pack(sums: Sums, rescaling: ShortRescaling) -> PackedRescaling:
    """Find and prove a word for as many channels as possible; the others keep their numbers."""
    shift = rescaling.shift
    points = decisive_sums(sums)
    wanted = sums.output(points)
    varies = (wanted != wanted[:, :1]).any(axis=1)
    is_constant = ~varies & (shift in _SHIFTS_OF_CONSTANTS)
    lost = np.where(varies, lost_bits(sums, SCALE_BITS, shift), 0)
    middle = (sums.zero_point << shift) + (1 << (shift - 1))
    words = np.full(len(points), _CONSTANT_MULTIPLIER, np.int64)
    search = _Search(sums, shift, middle, rescaling.is_signed, points, wanted, lost)
    is_plain = varies & (rescaling.removed == 0)
    own = search.fill(words, np.flatnonzero(is_plain))
    own = np.union1d(own, np.flatnonzero(~is_plain & ~is_constant))
    third = rescaling.extra_shift if rescaling.extra_shift.any() else rescaling.correction
    columns = np.stack([rescaling.multiplier, rescaling.offset, third], axis=1)[own]
    numbers, places = np.unique(columns, axis=0, return_inverse=True)
    words[own] = -1 - places.reshape(-1)
    # X * 2^30 >> 32 is X / 4, and X is 256 times the sum.
    constants = ((wanted[:, 0] - sums.zero_point) << (shift + 2)) >> SCALE_BITS
    removed = rescaling.removed
    return PackedRescaling(shift, middle, words, numbers, removed, is_constant, constants)


def _even(words: Int64) -> Int64:
    return np.append(words, 0) if len(words) % 2 else words


@dataclass(frozen=True, eq=False)
class _Search:
    """What every channel must give. Shapes: points, wanted: [channels, n]; lost: [channels]."""

    sums: Sums
    shift: int
    middle: int
    is_signed: bool
    points: Int64
    wanted: Int64
    lost: Int64

    def fill(self, words: Int64, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Enter a proved word for each channel of `rows`; return those that have none."""
        mantissa = np.array([m.multiplier for m in self.sums.multipliers], np.int64)
        nearest = mantissa >> np.minimum(self.lost, _MANTISSA_BITS)
        for step, nudge in _candidates():
            if not len(rows):
                break
            code = np.clip(self.lost[rows] + nudge, 0, _MOST_LOST)
            unit = self._unit(rows) * step
            trial = (nearest[rows] + unit) // _LAST_BITS * _LAST_BITS + code
            good = self._holds(rows, trial, code)
            words[rows[good]] = trial[good]
            rows = rows[~good]
        return rows

    def _unit(self, rows: npt.NDArray[np.int64]) -> Int64:
        """Return the least change of a multiplier that shows, in steps of its last bits."""
        reach = np.abs(self.points[rows]).max(axis=1) << SCALE_BITS
        unit: Int64 = (1 << 32) // np.maximum(reach, 1) // _PARTS // _LAST_BITS
        return np.maximum(unit, 1) * _LAST_BITS

    def _holds(
        self, rows: npt.NDArray[np.int64], word: Int64, code: Int64
    ) -> npt.NDArray[np.bool_]:
        """Return for which channels a word gives the judge's output for every sum."""
        tie = 128 >> code
        scaled = self.points[rows] << SCALE_BITS
        product = (scaled * word[:, None]) >> 32
        if self.is_signed:
            product -= tie[:, None] * (scaled < 0)
        offset = self.middle + tie // 2
        low, high = offset_bounds(self.sums, np.int64(self.shift), product, self.wanted[rows])
        fits = np.abs(offset[:, None] + product).max(axis=1) <= INT32_MAX
        holds: npt.NDArray[np.bool_] = (low <= offset) & (offset <= high) & fits
        return holds & (word >= 0) & (word <= INT32_MAX)


def _candidates() -> Iterator[tuple[int, int]]:
    """Yield steps of the multiplier and nudges of the tie, nearest first."""
    for distance in range(_FARTHEST_STEP + 1):
        for step in {distance, -distance}:
            for nudge in _NEARBY_TIES:
                yield step, nudge
