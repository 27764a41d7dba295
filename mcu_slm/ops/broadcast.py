"""Broadcasting of two operands as at most four nested loops with a stride per operand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcu_slm.ops.base import Int8, NodeView, Operator
from mcu_slm.ops.features import Features, unrolled
from mcu_slm.quant import Int64

LOOPS = 4


@dataclass(frozen=True)
class Broadcast:
    """Loop lengths, outermost first, and each operand's step per loop.

    Units: steps in elements, 0 where the operand is repeated.
    """

    lengths: tuple[int, ...]
    steps1: tuple[int, ...]
    steps2: tuple[int, ...]
    shape: tuple[int, ...]

    def aligned(self, operand: Int8) -> Int64:
        """Return an operand of the NumPy reference with all axes of the output, in int64."""
        missing = len(self.shape) - (operand.ndim - 1)
        shape = (operand.shape[0], *(1,) * missing, *operand.shape[1:])
        return operand.reshape(shape).astype(np.int64)

    def clearance(self, position: int) -> int | None:
        """Return the clearance of an operand; none where its elements are repeated."""
        steps = (self.steps1, self.steps2)[position]
        walked = all(step or length == 1 for step, length in zip(steps, self.lengths, strict=True))
        return 0 if walked else None

    def walked_first(self) -> tuple[Broadcast, tuple[int, int]]:
        """Return loops whose innermost one walks operand 1, and the order of the operands.

        Kernels that treat both operands alike need no loop for a repeated operand 1 then.
        """
        if self.steps1[-1] >= self.steps2[-1]:
            return self, (0, 1)
        return Broadcast(self.lengths, self.steps2, self.steps1, self.shape), (1, 0)

    def fields(self) -> dict[str, object]:
        """Return the fields of the C parameter struct."""
        return {
            "lengths": braces(self.lengths),
            "steps1": braces(self.steps1),
            "steps2": braces(self.steps2),
        }


@dataclass(frozen=True, eq=False)
class BroadcastOperator(Operator):
    """A layer that combines two operands element by element, in the order of its output."""

    activations: ClassVar[tuple[int, ...]] = (0, 1)

    loops: Broadcast

    def clearance(self, position: int) -> int | None:
        """Every element is read before it is written; one that is repeated must stay."""
        return self.loops.clearance(position)

    def features(self) -> Features:
        """Return rows and their elements, those with one value of an operand apart."""
        loops, _ = self.loops.walked_first()
        *outer, count = loops.lengths
        kind, rows = "row" if loops.steps2[-1] else "value", math.prod(outer)
        return {f"{kind}s": rows, **unrolled(f"{kind}_element", rows, count)}


def broadcast(
    view: NodeView, shape1: tuple[int, ...], shape2: tuple[int, ...], output: tuple[int, ...]
) -> Broadcast:
    """Return the loops that walk two operands in the order of the output.

    Neighbouring axes that both operands walk alike are merged, so that equal shapes become one
    loop.
    """
    lengths, (steps1, steps2) = merged_loops(view, (shape1, shape2), output)
    return Broadcast(lengths, steps1, steps2, output)


def merged_loops(
    view: NodeView, shapes: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Return the lengths of `LOOPS` loops over the output, and the steps of each operand."""
    rank = max(len(shape) for shape in shapes)
    operands = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    shape = tuple(max(lengths) for lengths in zip(*operands, strict=True))
    fits = all(n in (1, m) for operand in operands for n, m in zip(operand, shape, strict=True))
    view.require(fits, f"shapes {' and '.join(map(str, shapes))} do not broadcast")
    view.require(output == shape, f"output shape {output}", str(shape))
    axes: list[tuple[int, tuple[bool, ...]]] = []
    for n, lengths in zip(shape, zip(*operands, strict=True), strict=True):
        if n == 1:
            continue
        moves = tuple(length == n for length in lengths)
        if axes and axes[-1][1] == moves:
            axes[-1] = (axes[-1][0] * n, moves)
        else:
            axes.append((n, moves))
    if len(axes) > LOOPS:
        pattern = " with ".join(map(str, shapes))
        view.unsupported(f"broadcast pattern {pattern}", f"at most {LOOPS} distinct axes")
    still = (False,) * len(shapes)
    axes = [(1, still)] * (LOOPS - len(axes)) + axes
    steps = tuple(_steps(axes, operand) for operand in range(len(shapes)))
    return tuple(length for length, _ in axes), steps


def _steps(axes: Sequence[tuple[int, tuple[bool, ...]]], operand: int) -> tuple[int, ...]:
    """Return an operand's step per loop, outermost first."""
    step, found = 1, []
    for length, moves in reversed(axes):
        found.append(step if moves[operand] else 0)
        step *= length if moves[operand] else 1
    return tuple(reversed(found))


def braces(values: tuple[int, ...]) -> str:
    """Return numbers as the value of a C array."""
    return "{ " + ", ".join(map(str, values)) + " }"
