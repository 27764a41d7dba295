"""What follows from constants and shapes: what chains of folded operators are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import ops
from mcu_slm.ops.support import support_of
from tests.prove.draft import Draft
from tests.prove.numbers import Shape

MOST_AXES = 6
MOST_KNOWN = 64
"""Elements of a constant that a chain begins with."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Known:
    """A tensor whose values follow from constants and shapes; `scale` is that of an int8 one."""

    number: int
    data: Array
    scale: float = 0.0

    @property
    def dtype(self) -> str:
        return str(self.data.dtype)

    @property
    def rank(self) -> int:
        return self.data.ndim

    @property
    def largest(self) -> float:
        return float(np.abs(self.data.astype(np.float64)).max())


def folded_types(op: str) -> tuple[str, ...]:
    """Return the types of constants that an operator is folded for."""
    return support_of(ops.OPERATORS[op]).folds


def constant(d: Draft, shape: Shape, dtype: str) -> Known:
    """Return numbers: halves, small and large ones, both signs, 0 now and then."""
    if dtype == "bool":
        data = d.rng.random(shape) < d.pick([0.5, 0.1])
    elif dtype == "float32":
        data = d.rng.integers(-40, 41, shape) / d.pick([1, 2, 3, 7])
        data = data * d.pick([1.0, 1.0, 1e-3, 1e4])
    else:
        data = d.rng.integers(-40, 41, shape) * d.pick([1, 1, 1, 1000])
    return known_constant(d, np.asarray(data).astype(dtype))


def known_constant(d: Draft, array: Array) -> Known:
    scale = d.scale() if array.dtype == np.int8 else None
    return Known(d.constant(array, array.dtype.name, scale=scale), array, scale or 0.0)


def added(
    d: Draft,
    op: str,
    inputs: list[int],
    shape: Shape,
    dtype: str,
    besides: Sequence[Shape] = (),
    **options: object,
) -> Known:
    """Add a node with known outputs of `shape` and `besides`; return what one of them comes to."""
    scale = d.scale() if dtype == "int8" else None
    numbers = [
        d.builder.tensor(f"{op.lower()}_{d.room}_{place}", each, dtype, scale=scale)
        for place, each in enumerate((shape, *besides))
    ]
    d.builder.node(op, inputs, numbers, **options)
    d.has_read(inputs)
    number = d.pick(numbers)
    data = ops.fold_graph(d.builder.build(d.inputs, [])).tensor(number).data
    assert data is not None, op
    return Known(number, data, scale or 0.0)
