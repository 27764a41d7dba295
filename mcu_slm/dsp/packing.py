"""The numbers of a channel's short rescaling in one word instead of two or three.

The word is the multiplier itself. Its last three bits say how many bits of the judge's multiplier
were lost, and with that how fine the judge's second rounding is; offset and correction follow:

    tie = 128 >> (word & 7);  offset = middle + tie / 2;  correction = tie

`middle` is the same for all channels. A multiplier near the exact one with the right last bits
mostly does as well as the exact one; that it does is proved like every short rescaling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.rescaling import (
    Sums,
    decisive_sums,
    finest_shift,
    lost_bits,
    offset_bounds,
    wraps,
)
from mcu_slm.quant import INT32_MAX, Int64

SCALE_BITS = 8
"""Sums arrive times 256: so a tie is 128 where no bit is lost."""

_LAST_BITS = 8
_MOST_LOST = 7
_NO_TIE = 7
_CONSTANT_MULTIPLIER = (1 << 30) | _NO_TIE
_FARTHEST_STEP = 24
_NEARBY_TIES = (0, 1, -1, 2, -2)
_PARTS = 64
_MANTISSA_BITS = 31


@dataclass(frozen=True, eq=False)
class PackedRescaling:
    """One word per channel.

    Shapes: words: int64 [channels]; constants: int64 [channels], the sum that a channel must be
        given whose output never changes (its weights must be 0), where `is_constant` says so.
    """

    shift: int
    middle: int
    is_signed: bool
    words: Int64
    is_constant: npt.NDArray[np.bool_]
    constants: Int64


def pack(sums: Sums, shift: int | None = None) -> PackedRescaling | None:
    """Find and prove a word for every channel, None where some channel has none.

    `shift` asks for a certain last shift; by default it is the largest one.
    """
    if wraps(sums):
        return None
    finest = finest_shift(sums, SCALE_BITS)
    shift = finest if shift is None else shift
    if shift > finest or shift < SCALE_BITS - 2:
        return None
    points = decisive_sums(sums)
    wanted = sums.output(points)
    is_constant = (wanted == wanted[:, :1]).all(axis=1)
    lost = np.where(is_constant, 0, lost_bits(sums, SCALE_BITS, shift))
    reach = np.where(is_constant, 0, np.maximum(np.abs(sums.lowest), np.abs(sums.highest)))
    if int(reach.max()) > INT32_MAX >> SCALE_BITS:
        return None
    middle = (sums.zero_point << shift) + (1 << (shift - 1))
    is_signed = sums.act_min < sums.zero_point
    words = np.full(len(reach), _CONSTANT_MULTIPLIER, np.int64)
    search = _Search(sums, shift, middle, is_signed, points, wanted, lost)
    if not search.fill(words, np.flatnonzero(~is_constant)):
        return None
    # X * 2^30 >> 32 is X / 4, and X is 256 times the sum.
    constants = ((wanted[:, 0] - sums.zero_point) << (shift + 2)) >> SCALE_BITS
    return PackedRescaling(shift, middle, is_signed, words, is_constant, constants)


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

    def fill(self, words: Int64, rows: npt.NDArray[np.int64]) -> bool:
        """Enter a proved word for each channel of `rows`; say whether all have one."""
        mantissa = np.array([m.multiplier for m in self.sums.multipliers], np.int64)
        nearest = mantissa >> np.minimum(self.lost, _MANTISSA_BITS)
        for step, nudge in _candidates():
            if not len(rows):
                return True
            code = np.clip(self.lost[rows] + nudge, 0, _MOST_LOST)
            unit = self._unit(rows) * step
            trial = (nearest[rows] + unit) // _LAST_BITS * _LAST_BITS + code
            good = self._holds(rows, trial, code)
            words[rows[good]] = trial[good]
            rows = rows[~good]
        return not len(rows)

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
