"""MINIMUM: the smaller of two bytes, so both operands and the output share scale and zero point."""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.maximum import Extremum, parse_extremum


def parse(view: NodeView) -> Extremum:
    """Check a MINIMUM node."""
    return parse_extremum(view, larger=False)


FOLD = Fold(("int32", "int64", "float32"), element_wise(lambda a, b: np.where(a < b, a, b), 2))
