"""LESS_EQUAL: whether the first is not greater; int8 operands are compared at a common scale."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.comparison import RELATIONS, Comparison, parse_comparison
from mcu_slm.ops.folding import Fold, element_wise

RUNS = ("int8 -> bool",)
FOLD = Fold(("int32", "int64", "float32"), element_wise(RELATIONS["LESS_EQUAL"], 2))


def parse(view: NodeView) -> Comparison:
    """Check a LESS_EQUAL node."""
    return parse_comparison(view)
