"""Sigmoid and tanh of int16 values as pieces of straight lines, exactly the judge's.

    tanh(x) = (a[k] + x * b[k]) >> 11                    k = 3 * x >> 8, limited to -256 .. 255
    sigmoid(x) = (2 * a[k] + HALF + x * b[k]) >> 13      k = 3 * x >> 9

Both are one curve of the judge, who mirrors one half of it and rounds ties away from zero: a of
negative pieces is one less, which is finer than a step of x * b. A piece rises by b / 24 from one
point of the judge's table to the next; the outermost are level, as the judge saturates.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import Constant
from mcu_slm.ops.sigmoid_16 import SIGMOID_TABLE

PIECES = 256
"""On each side of 0."""

HALF = (1 << 27) + 2048
"""A sigmoid's distance from a tanh, with what rounds it."""


def curves(*, in_thirds: bool = False) -> tuple[Constant, ...]:
    """Return where the pieces meet 0, and how they rise.

    `in_thirds`: along 3 * x instead of x, which a fine cell state is rounded to.
    """
    upper = np.append(SIGMOID_TABLE.astype(np.int64), SIGMOID_TABLE[-1])
    points = np.concatenate([2 * upper[0] - upper[:0:-1], upper])
    begin, rise = points[:-1], np.diff(points)
    piece = np.arange(-PIECES, PIECES)
    sign = np.where(piece < 0, 1, 0)
    at_zero = begin - piece * rise  # where the line meets 0
    tanh = 8 * (256 * (at_zero - upper[0]) + 128) - sign
    slope, letter = (8 * rise, "b / 3") if in_thirds else (24 * rise, "b")
    return (
        Constant("curve", tanh.astype(np.int32), False, "a of pieces -256 to 255"),
        Constant("rise", slope.astype(np.int16), False, f"{letter} of pieces -256 to 255"),
    )


def curve_fields(constants: dict[str, str]) -> dict[str, object]:
    """Return the fields of mcu_slm_lstm_curve_t; `constants` names the arrays."""
    return {
        "curve": f"{constants['curve']} + {PIECES}",
        "rise": f"{constants['rise']} + {PIECES}",
    }
