"""Rescaling of sums as they are, where the short one wants them times 256.

The kernels for two channels a and b get 256 * A for nothing, but B without the factor. With

    y = saturate_s8((offset + (B * multiplier >> 32)) >> shift)

no shift of B is needed, but whole numbers for `offset` are coarse then: one is worth 2 to 4 steps of
the sum. A whole number added to the sum as well (by its bias) makes up for it: the two together
reach nearly every place between. As with every short rescaling, numbers count only once they are
proved for all sums that can occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.packing import SCALE_BITS
from mcu_slm.dsp.rescaling import Sums, decisive_sums, lost_bits, offset_bounds
from mcu_slm.quant import INT32_MAX, Int64

CODES = 128
"""The last bits of a channel's word, its multiplier, are the offset above `middle`."""

_FARTHEST_STEP = 24
_CONSTANT_BITS = 30
_MOST_LOST = 20


@dataclass(frozen=True, eq=False)
class DirectRescaling:
    """Proved numbers of some channels.

    Shapes: words, added: int64 [channels]; `added` is what sums must have more than the layer's.
        `constants`: the sum that a channel must be given whose output never changes, where
        `is_constant` says so (its weights must be 0).
    """

    middle: int
    words: Int64
    added: Int64
    is_constant: npt.NDArray[np.bool_]
    constants: Int64


def direct_rescaling(sums: Sums, shift: int) -> DirectRescaling | None:
    """Find and prove numbers for all channels of some sums, None where one has none.

    Args:
        sums: What sums can be, and what the judge makes of them.
        shift: The last shift.
    """
    if shift < 1:
        return None
    middle = (sums.zero_point << shift) + (1 << (shift - 1)) - CODES // 2
    points = decisive_sums(sums)
    wanted = sums.output(points)
    is_constant = (wanted == wanted[:, :1]).all(axis=1)
    words = np.full(len(points), (1 << _CONSTANT_BITS) + CODES // 2, np.int64)
    added = np.zeros_like(words)
    constants = (wanted[:, 0] - sums.zero_point) << (shift + 32 - _CONSTANT_BITS)
    search = _Search(sums, shift, middle, points, wanted)
    for row in np.flatnonzero(~is_constant):
        found = search.numbers_of(int(row))
        if found is None:
            return None
        words[row], added[row] = found
    return DirectRescaling(middle, words, added, is_constant, constants)


@dataclass(frozen=True, eq=False)
class _Search:
    """What every channel must give. Shapes: points, wanted: [channels, n]."""

    sums: Sums
    shift: int
    middle: int
    points: Int64
    wanted: Int64

    def numbers_of(self, row: int) -> tuple[int, int] | None:
        """Return a channel's word and what its sums must have more, None where there is none."""
        mantissa = self.sums.multipliers[row].multiplier
        lost = int(lost_bits(self.sums, SCALE_BITS, self.shift + SCALE_BITS)[row])
        if lost > _MOST_LOST:
            return None
        codes = np.arange(CODES)
        for step in _steps():
            words = ((mantissa >> lost) // CODES + step) * CODES + codes
            words = words[(words > 0) & (words <= INT32_MAX)]
            for trial in self._trials(words, lost):
                good = np.flatnonzero(self._holds(row, words, trial))
                if len(good):
                    return int(words[good[0]]), int(trial[good[0]])
        return None

    def _trials(self, words: Int64, lost: int) -> Iterator[Int64]:
        """Yield the two numbers beside what makes up for each word's offset."""
        tie = 1 / (2 << lost)  # half of what the judge's second rounding is finer, in offsets
        short = tie - (words % CODES - CODES // 2)
        first = np.floor(short * 2.0**32 / words).astype(np.int64)
        yield first
        yield first + 1

    def _holds(self, row: int, words: Int64, added: Int64) -> npt.NDArray[np.bool_]:
        """Return which words give the judge's output for every sum of a channel."""
        product = ((self.points[row] + added[:, None]) * words[:, None]) >> 32
        low, high = offset_bounds(self.sums, np.int64(self.shift), product, self.wanted[[row]])
        offset = self.middle + words % CODES
        holds: npt.NDArray[np.bool_] = (low <= offset) & (offset <= high)
        return holds


def _steps() -> Iterator[int]:
    yield 0
    for distance in range(1, _FARTHEST_STEP + 1):
        yield from (distance, -distance)
