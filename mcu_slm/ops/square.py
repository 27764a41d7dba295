"""SQUARE of constants: x * x. The judge computes it in float32 only."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, element_wise, only_folded

RUNS: tuple[str, ...] = ()
FOLD = Fold(("float32",), element_wise(np.square, 1))


def parse(view: NodeView) -> NoReturn:
    """Refuse what depends on the input: the judge has no INT8 kernel either."""
    only_folded(view, FOLD)
