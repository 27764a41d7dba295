"""FILL: a tensor full of one constant. The judge wants its shape as a constant of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, only_folded, value


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.expect_count((2,))
    shape, filler, output = value(view, 0), value(view, 1), view.output()
    view.require(filler.ndim == 0, f"a value of shape {list(filler.shape)}", "a single number")
    fits = shape.reshape(-1).tolist() == list(output.shape)
    view.require(fits, f"shape {shape.tolist()}", f"that of the output, {list(output.shape)}")
    return [np.full(output.shape, filler)]


RUNS: tuple[str, ...] = ()
FOLD = Fold(("int8", "int32", "float32"), _evaluate, subject=1)


def parse(view: NodeView) -> NoReturn:
    """Refuse a value that depends on the input."""
    only_folded(view, FOLD)
