"""The numbers that turn a channel's sum of a depthwise convolution into int8: a word per channel.

Negative words of `packing` say how far behind the table numbers stand; here how far behind
themselves, for the kernel goes from word to word.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.packing import SCALE_BITS, PackedRescaling, pack
from mcu_slm.dsp.rescaling import ShortRescaling, Sums, accumulator_range, shorten
from mcu_slm.ops.linear import Linear

__all__ = ["SCALE_BITS", "numbers_of", "table_of"]


def numbers_of(linear: Linear, shift: int | None = None) -> tuple[str, PackedRescaling] | None:
    """Find and prove the form of the rescaling and the numbers of a layer, None without any.

    `shift` asks for a certain last shift, so that layers can share code.
    """
    rows = np.moveaxis(linear.weights, 2, 0)
    low, high = accumulator_range(rows, linear.bias, linear.input_zero_point)
    sums = Sums(
        low,
        high,
        linear.multipliers,
        linear.output_zero_point,
        linear.act_min,
        linear.act_max,
    )
    rescaling = shorten(sums, SCALE_BITS, shift)
    if rescaling is None or rescaling.is_mixed:
        return None
    return _form(rescaling), pack(sums, rescaling)


def _form(rescaling: ShortRescaling) -> str:
    """Return how sums become int8, as the kernel template calls it."""
    if rescaling.is_signed:
        return "signed"
    return "extra" if rescaling.extra_shift.any() else "short"


def table_of(packed: PackedRescaling) -> npt.NDArray[np.int32]:
    """Return the words and what lies behind them; a negative word counts from where it stands."""
    table = packed.table()
    words = 1 if packed.is_uniform else len(packed.words)
    places = np.arange(words, dtype=np.int32)
    table[:words] += np.where(table[:words] < 0, places, 0)
    return table
