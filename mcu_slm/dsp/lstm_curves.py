"""Sigmoid and tanh of int16 values as pieces of straight lines, exactly the judge's.

    sigmoid(x) = (a[k] + x * b[k]) >> 13, its lower 16 bits          k = 3 * x >> 9
    tanh(x) = (a[k] + 2 * x * b[k] + 2^11 >> 12) + TANH_OFFSET       k = 3 * x >> 8, -256 .. 255

Both are one curve of the judge, who mirrors one half of it and rounds ties away from zero: a of
negative pieces is two less, which is finer than a step of x * b. A piece rises by b / 24 from one
point of the judge's table to the next; the outermost are level, as the judge saturates.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import Constant
from mcu_slm.ops.sigmoid_16 import SIGMOID_TABLE

PIECES = 256
"""On each side of 0."""

SIGMOID_BITS, TANH_BITS = 13, 12
_TWO = 2 << (16 + SIGMOID_BITS)
"""Puts 2 into the upper half of a sigmoid, where products of it want it (see dsp_lstm_steps)."""

_MIDDLE = (1 << 27) + (1 << (SIGMOID_BITS - 1)) + _TWO
"""What a has at 0: one half as a sigmoid, rounded."""

TANH_OFFSET = -(_MIDDLE >> TANH_BITS)
"""Takes the middle off a tanh: what rounds a sigmoid is one step of it."""


def curves(*, in_thirds: bool = False) -> tuple[Constant, ...]:
    """Return where the pieces meet 0, and how they rise.

    `in_thirds`: along 3 * x instead of x, which a fine cell state is rounded to.
    """
    upper = np.append(SIGMOID_TABLE.astype(np.int64), SIGMOID_TABLE[-1])
    points = np.concatenate([2 * upper[0] - upper[:0:-1], upper])
    begin, rise = points[:-1], np.diff(points)
    piece = np.arange(-PIECES, PIECES)
    sign = np.where(piece < 0, 2, 0)
    at_zero = begin - piece * rise - upper[0]  # where the line meets 0
    values = (at_zero << TANH_BITS) + _MIDDLE - sign
    slope, letter = (8 * rise, "b / 3") if in_thirds else (24 * rise, "b")
    return (
        Constant("curve", values.astype(np.int32), False, "a of pieces -256 to 255"),
        Constant("rise", slope.astype(np.int16), False, f"{letter} of pieces -256 to 255"),
    )


def curve_fields(constants: dict[str, str]) -> dict[str, object]:
    """Return the fields of mcu_slm_lstm_steps_t that point at the curve; `constants` names it."""
    return {
        "rise": f"{constants['rise']} + {PIECES}",
        "curve": f"{constants['curve']} + {PIECES}",
    }
