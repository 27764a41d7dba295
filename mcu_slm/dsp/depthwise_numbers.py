"""The numbers that turn a channel's sum of a depthwise convolution into int8: a word per channel.

Negative words of `packing` say how far behind the table numbers stand; here how far behind
themselves, for the kernel goes from word to word.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.packing import SCALE_BITS, PackedRescaling, pack
from mcu_slm.dsp.rescaling import shorten, sums_of
from mcu_slm.ops.linear import Linear

__all__ = ["SCALE_BITS", "numbers_of", "table_of"]


def numbers_of(linear: Linear, shift: int | None = None) -> tuple[str, PackedRescaling] | None:
    """Find and prove the form of the rescaling and the numbers of a layer, None without any.

    `shift` asks for a certain last shift, so that layers can share code.
    """
    sums = sums_of(linear, np.moveaxis(linear.weights, 2, 0))
    rescaling = shorten(sums, SCALE_BITS, shift)
    if rescaling is None or rescaling.is_mixed:
        return None
    return rescaling.form, pack(sums, rescaling)


def table_of(packed: PackedRescaling) -> npt.NDArray[np.int32]:
    """Return the words and what lies behind them; a negative word counts from where it stands."""
    table = packed.table()
    words = 1 if packed.is_uniform else len(packed.words)
    places = np.arange(words, dtype=np.int32)
    table[:words] += np.where(table[:words] < 0, places, 0)
    return table
