"""SHAPE: the lengths of all axes. All shapes of a model are fixed, so this is always a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, only_folded


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.expect_count((1,))
    return [np.array(view.input(0).shape, np.int32)]


RUNS: tuple[str, ...] = ()
FOLD = Fold(
    ("int8", "uint8", "int16", "int32", "int64", "float32", "bool"), _evaluate, shape_only=True
)


def parse(view: NodeView) -> NoReturn:
    """Refuse a shape that is an output of the model; every other one is folded."""
    only_folded(view, FOLD)
