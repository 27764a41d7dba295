"""FLOOR_DIV of constants: the quotient, rounded down. Float32 only, as in the judge.

The judge divides in float64: -5 / 0.005 is less than -1000, the quotient in float32 is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, element_wise, only_folded, value


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.require(bool(np.all(value(view, 1) != 0)), "a division by 0", "no 0 among the divisors")
    return element_wise(_floored, 2)(view)


def _floored(a: Array, b: Array) -> Array:
    return np.asarray(np.floor(a.astype(np.float64) / b.astype(np.float64))).astype(a.dtype)


RUNS: tuple[str, ...] = ()
FOLD = Fold(("float32",), _evaluate)


def parse(view: NodeView) -> NoReturn:
    """Refuse what depends on the input: the judge has no INT8 kernel either."""
    only_folded(view, FOLD)
