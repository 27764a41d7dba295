"""LOGICAL_OR of two truth values, with broadcasting."""

from __future__ import annotations

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.logical_and import Logical, parse_logical

RUNS = ("bool",)
FOLD = Fold(("bool",), element_wise(np.logical_or, 2))


def parse(view: NodeView) -> Logical:
    """Check a LOGICAL_OR node."""
    return parse_logical(view, either=True)
