"""From a sensor's raw 16-bit counts to the model's int8 codes, in integers alone.

Per channel: code = clamp((count * multiplier + addend) >> shift, -128, 127). The mean and deviation
of the channel, the input's scale and zero point and the rounding all lie in the two constants, so
that board and laptop compute the same bytes: the generated C is this formula, and so is training's.

In real numbers code = round(count * a + b) with a = channel_scale / (std * scale) and
b = zero_point - mean / (std * scale), halves up. The constants are a and b + 1/2 in units of
2^-shift: the value before rounding is off by at most 2^-16 of a code where a is below 1. Floats
round halves to even and each step to 24 bits, so codes from floats differ by one at such ties.

Dimensions: T samples in a window, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from mcu_slm.quant import saturate_int8

_MOST_SHIFT = 40
_MULTIPLIER_LIMIT = 1 << 31
_ADDEND_LIMIT = 1 << 62
"""count * multiplier stays below 2^46, so that the sum fits into 64 bits."""


@dataclass(frozen=True)
class CountQuantizer:
    """The integer constants of each channel. Shapes: all [C]."""

    multipliers: tuple[int, ...]
    addends: tuple[int, ...]
    shifts: tuple[int, ...]

    def quantize(self, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Return the codes of counts. Shapes: int16 [..., C] -> int8 [..., C]."""
        scaled = np.asarray(counts, np.int64) * np.array(self.multipliers, np.int64)
        return saturate_int8((scaled + np.array(self.addends, np.int64)) >> np.array(self.shifts))


@dataclass(frozen=True)
class CountNormalisation:
    """How counts become normalised values: (count * channel_scale - mean) / std.

    Shapes: all [C]. Units: `channel_scales` in units of the recording per count.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_scales: tuple[float, ...]

    def quantizer(self, scale: float, zero_point: int) -> CountQuantizer | None:
        """Return the constants for an input's quantisation; None where they do not fit 32 bits."""
        channels = zip(self.mean, self.std, self.channel_scales, strict=True)
        found = [_constants(*channel, scale, zero_point) for channel in channels]
        fitting = [constants for constants in found if constants is not None]
        if not found or len(fitting) < len(found):
            return None
        multipliers, addends, shifts = zip(*fitting, strict=True)
        return CountQuantizer(multipliers, addends, shifts)

    def counts_of(self, normalised: npt.ArrayLike) -> npt.NDArray[np.int16]:
        """Return the counts that gave normalised values in float32.

        Each of the four roundings to 24 bits moves a count by less than 1/100, so that the nearest
        whole number is the count.

        Shapes: [..., C] -> the same.
        """
        values = np.asarray(normalised, np.float64)
        recorded = values * np.array(self.std) + np.array(self.mean)
        counts: npt.NDArray[np.int16] = np.rint(recorded / self.channel_scales).astype(np.int16)
        return counts


def _constants(
    mean: float, std: float, channel_scale: float, scale: float, zero_point: int
) -> tuple[int, int, int] | None:
    """Return multiplier, addend and shift of a channel, as precise as 32 bits allow."""
    if min(std, channel_scale, scale) <= 0:
        return None
    step = Fraction(std) * Fraction(scale)
    factor = Fraction(channel_scale) / step
    start = zero_point - Fraction(mean) / step + Fraction(1, 2)
    for shift in range(_MOST_SHIFT, 0, -1):
        multiplier, addend = round(factor * 2**shift), round(start * 2**shift)
        if 0 < multiplier < _MULTIPLIER_LIMIT and abs(addend) < _ADDEND_LIMIT:
            return multiplier, addend, shift
    return None


def count_normalisation(
    mean: Sequence[float], std: Sequence[float], channel_scales: Sequence[float], channels: int
) -> CountNormalisation | None:
    """Return the normalisation of so many channels; None where a list has another length."""
    lists = (tuple(mean), tuple(std), tuple(channel_scales))
    return CountNormalisation(*lists) if {len(found) for found in lists} == {channels} else None
