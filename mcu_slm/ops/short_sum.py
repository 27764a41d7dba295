"""ADD and SUB in one multiplication per operand and one shift, proved on all 65,536 input pairs.

The judge requantises three times. For nearly all scales there are integers with which

    y = clamp((x1 * multiplier1 + x2 * multiplier2 + addend) >> shift)

gives the same byte for every pair of inputs. They are searched near the real slopes, and each
candidate is compared with the whole table of results: what is found needs no further argument.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN, Int64

_VALUES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
_LONGEST_SHIFT = 31
_UNBOUNDED = np.int64(1) << 62
_STEEPER = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class SumTable:
    """What a sum has to give: [256, 256] bytes for the inputs -128 .. 127 of either operand.

    Units: slopes in output steps per input step.
    """

    results: Int64
    act_min: int
    act_max: int
    zero_points: tuple[int, int]
    output_zero_point: int
    slopes: tuple[float, float]


@dataclass(frozen=True)
class ShortSum:
    """The integers of the short form. No intermediate result leaves int32, in any order."""

    multipliers: tuple[int, int]
    addend: int
    shift: int

    def lifted(self) -> ShortSum:
        """Return the same sums times the largest power of two that still fits.

        The shift stays one of int32: sums that are always 0 could be doubled without end.
        """
        first, second = self.multipliers
        twice = ShortSum((2 * first, 2 * second), 2 * self.addend, self.shift + 1)
        return twice.lifted() if _fits(twice) and twice.shift <= _LONGEST_SHIFT else self


def find_short_sum(table: SumTable) -> ShortSum | None:
    """Return the short form of a table, None where none is found."""
    shift = _largest_shift(table)
    if shift < 0:
        return None
    # What is clamped is bounded on one side only.
    results = table.results
    least = np.where(results > table.act_min, results << shift, -_UNBOUNDED)
    most = np.where(results < table.act_max, ((results + 1) << shift) - 1, _UNBOUNDED)
    for multipliers in _candidates(table.slopes, shift):
        products = (_VALUES * multipliers[0])[:, None] + (_VALUES * multipliers[1])[None, :]
        lowest, highest = int((least - products).max()), int((most - products).min())
        if lowest <= highest:
            form = ShortSum(multipliers, (lowest + highest) // 2, shift)
            return form if _fits(form) else None
    return None


def _largest_shift(table: SumTable) -> int:
    """Return the shift that leaves no bit of int32 unused: the more, the more is found."""
    centre = sum(abs(z * k) for z, k in zip(table.zero_points, table.slopes, strict=True))
    reach = 128.0 * sum(map(abs, table.slopes)) + centre + abs(table.output_zero_point) + 1.0
    return math.floor(math.log2(INT32_MAX / reach)) if math.isfinite(reach) else -1


def _candidates(slopes: tuple[float, float], shift: int) -> Iterator[tuple[int, int]]:
    """Give pairs of multipliers: those around the slopes, the nearest first, then steeper ones.

    Where sums lie in the middle between two outputs, the judge rounds away from zero: a slope that
    is a little too steep does so, too.
    """
    yield from _around(slopes, 1 << shift, 3)
    for steeper in _STEEPER:
        yield from _around(slopes, (1 << shift) + steeper, 1)


def _around(slopes: tuple[float, float], scale: int, radius: int) -> Iterator[tuple[int, int]]:
    first, second = (round(slope * scale) for slope in slopes)
    steps = range(-radius, radius + 1)
    pairs = [(step1, step2) for step1 in steps for step2 in steps]
    for step1, step2 in sorted(pairs, key=lambda pair: max(map(abs, pair))):
        yield first + step1, second + step2


def _fits(form: ShortSum) -> bool:
    """Whether all partial sums fit int32: they do if they do at the ends of the inputs."""
    first, second = ((0, INT8_MIN * m, INT8_MAX * m) for m in form.multipliers)
    sums = [one + two + addend for one in first for two in second for addend in (0, form.addend)]
    return min(sums) >= INT32_MIN and max(sums) <= INT32_MAX
