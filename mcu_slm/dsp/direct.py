"""Rescaling of sums as they are, where the short one wants them times 256.

The kernels for two channels a and b get 256 * A for nothing, but B without the factor. With

    y = saturate_s8((offset + (B * multiplier >> 32)) >> shift)

B needs no shift, but offsets, whole numbers, are coarse then: one is worth 2 to 4 steps of the sum.
A whole number added to the sum as well, by its bias, makes up for that: both together reach nearly
every place between. As with every short rescaling, numbers count only once they are proved for all
sums that can occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.packing import SCALE_BITS
from mcu_slm.dsp.rescaling import Sums, decisive_sums, lost_bits, offset_bounds
from mcu_slm.quant import INT32_MAX, Int64

BIAS_BITS = 20
"""A word holds the bias of b in these bits, above them what its offset lies above `middle`."""

_CONSTANT_BITS = 30
_MOST_LOST = 20
_FARTHEST_STEP = 4
_PARTS = 512
_AT_A_TIME = 256


@dataclass(frozen=True, eq=False)
class DirectRescaling:
    """Proved numbers of some channels.

    Shapes: multiplier, offset, added: int64 [channels]; `offset` is above `middle`, `added` is what
        sums must have more than the layer's. constants: the sum that a channel must be given whose
        output never changes, where `is_constant` says so (its weights must be 0).
    """

    middle: int
    multiplier: Int64
    offset: Int64
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
    points = decisive_sums(sums)
    wanted = sums.output(points)
    is_constant = (wanted == wanted[:, :1]).all(axis=1)
    middle = (sums.zero_point << shift) + (1 << (shift - 1))
    numbers = np.zeros((3, len(points)), np.int64)
    numbers[0] = 1 << _CONSTANT_BITS
    search = _Search(sums, shift, middle, points, wanted)
    for row in np.flatnonzero(~is_constant).tolist():
        found = search.numbers_of(row)
        if found is None:
            return None
        numbers[:, row] = found
    constants = (wanted[:, 0] - sums.zero_point) << (shift + 32 - _CONSTANT_BITS)
    multiplier, offset, added = numbers
    return DirectRescaling(middle, multiplier, offset, added, is_constant, constants)


@dataclass(frozen=True, eq=False)
class _Search:
    """What every channel must give. Shapes: points, wanted: [channels, n]."""

    sums: Sums
    shift: int
    middle: int
    points: Int64
    wanted: Int64

    def numbers_of(self, row: int) -> tuple[int, int, int] | None:
        """Return multiplier, offset and what a channel's sums must have more, None without any."""
        lost = int(lost_bits(self.sums, SCALE_BITS, self.shift + SCALE_BITS)[row])
        if lost > _MOST_LOST:
            return None
        nearest = self.sums.multipliers[row].multiplier >> lost
        unit = max(1, (1 << 32) // max(1, int(np.abs(self.points[row]).max())) // _PARTS)
        for step in _steps():
            multiplier = nearest + step * unit
            if not 0 < multiplier <= INT32_MAX:
                continue
            for offset, added in _pairs(multiplier, 1 / (2 << lost)):
                good = np.flatnonzero(self._holds(row, multiplier, offset, added))
                if len(good):
                    return multiplier, int(offset[good[0]]), int(added[good[0]])
        return None

    def _holds(
        self, row: int, multiplier: int, offset: Int64, added: Int64
    ) -> npt.NDArray[np.bool_]:
        """Return which numbers give the judge's output for every sum of a channel."""
        product = ((self.points[row] + added[:, None]) * multiplier) >> 32
        low, high = offset_bounds(self.sums, np.int64(self.shift), product, self.wanted[[row]])
        holds: npt.NDArray[np.bool_] = (low <= self.middle + offset) & (
            self.middle + offset <= high
        )
        return holds


def _pairs(multiplier: int, tie: float) -> Iterator[tuple[Int64, Int64]]:
    """Yield offsets and what must be added to sums for each: the two whole numbers next to it.

    `tie`: what the offset would be if it were no whole number, half of what the judge's second
    rounding is finer.
    """
    reach = 1 << (31 - BIAS_BITS)
    for first in range(-reach, reach, _AT_A_TIME):
        offset = np.arange(first, first + _AT_A_TIME)
        added = np.floor((tie - offset) * 2.0**32 / multiplier).astype(np.int64)
        yield offset, added
        yield offset, added + 1


def _steps() -> Iterator[int]:
    yield 0
    for distance in range(1, _FARTHEST_STEP + 1):
        yield from (distance, -distance)
