"""DIV of constants: int32 cut towards 0, float32.

There is no kernel for int8: the judge's shifts by more than 31 bits where a quotient is near 0, and
gives bytes far from it (0 / 121 at scales of 0.05 is not the zero point).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, element_wise, only_folded, value
from mcu_slm.quant import INT32_MIN


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.expect_count((2,))
    first, second = value(view, 0), value(view, 1)
    view.require(bool(np.all(second != 0)), "a division by 0", "no 0 among the divisors")
    if first.dtype == np.int32:
        overflows = bool(np.any(first == INT32_MIN) and np.any(second == -1))
        view.require(not overflows, "a quotient of 2^31", "quotients that fit int32")
    return element_wise(_quotient, 2, clamped=True)(view)


def _quotient(first: Array, second: Array) -> Array:
    if first.dtype != np.int32:
        return np.asarray(first / second)
    wide = first.astype(np.int64)
    magnitude = np.abs(wide) // np.abs(second.astype(np.int64))
    return np.asarray(magnitude * np.sign(wide) * np.sign(second)).astype(np.int32)


RUNS: tuple[str, ...] = ()
FOLD = Fold(("int32", "float32"), _evaluate)
NOTE = "INT8 is undefined in TensorFlow Lite Micro for quotients near 0"


def parse(view: NodeView) -> NoReturn:
    """Refuse what depends on the input."""
    only_folded(view, FOLD)
