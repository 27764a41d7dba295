"""Sigmoid and tanh of int16 values as pieces of straight lines, exactly the judge's.

    sigmoid(x) = (a[k] + x * b[k]) >> 13          k = 3 * x >> 9
    tanh(x) = (c[k] + x * b[k]) >> 11             k = 3 * x >> 8, limited to -256 .. 255

The judge mirrors one half and rounds ties away from zero; a and c of negative pieces are one less,
which is finer than a step of x * b. A piece rises by b / 24 from one point of the judge's table to
the next; the outermost are level, as the judge saturates.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import Constant
from mcu_slm.ops.sigmoid_16 import SIGMOID_TABLE

PIECES = 256
"""On each side of 0."""

_SIGMOID_PIECES = 192
"""A sigmoid's argument reaches no farther: 3 * 2^15 >> 9."""

_DOUBLING = 2 << 29
"""Puts 2 into the upper half of a sigmoid, see the kernel of the cells."""


def curves(*, in_thirds: bool = False) -> tuple[Constant, ...]:
    """Return where the pieces begin, for sigmoids and for tanh, and how they rise.

    `in_thirds`: along 3 * x instead of x, which a fine cell state is rounded to.
    """
    upper = np.append(SIGMOID_TABLE.astype(np.int64), SIGMOID_TABLE[-1])
    points = np.concatenate([2 * upper[0] - upper[:0:-1], upper])
    begin, rise = points[:-1], np.diff(points)
    piece = np.arange(-PIECES, PIECES)
    sign = np.where(piece < 0, 1, 0)
    at_zero = begin - piece * rise  # where the line meets 0
    sigmoid = 8 * 512 * (at_zero + 1) - sign + _DOUBLING
    tanh = 8 * (256 * (at_zero - upper[0]) + 128) - sign
    slope, letter = (8 * rise, "b / 3") if in_thirds else (24 * rise, "b")
    inner = slice(PIECES - _SIGMOID_PIECES, PIECES + _SIGMOID_PIECES)
    return (
        Constant("sigmoid", sigmoid[inner].astype(np.int32), False, "a of pieces -192 to 191"),
        Constant("tanh", tanh.astype(np.int32), False, "c of pieces -256 to 255"),
        Constant("rise", slope.astype(np.int16), False, f"{letter} of pieces -256 to 255"),
    )


def curve_fields(constants: dict[str, str]) -> dict[str, object]:
    """Return the fields of mcu_slm_lstm_curves_t; `constants` names the arrays."""
    return {
        "sigmoid": f"{constants['sigmoid']} + {_SIGMOID_PIECES}",
        "tanh": f"{constants['tanh']} + {PIECES}",
        "rise": f"{constants['rise']} + {PIECES}",
    }
