"""Broadcasting of two operands as at most four nested loops with a stride per operand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcu_slm.ops.base import Int8, NodeView, Operator
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

    def fields(self) -> dict[str, object]:
        """Return the fields of the C parameter struct."""

        def braces(values: tuple[int, ...]) -> str:
            return "{ " + ", ".join(map(str, values)) + " }"

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


def broadcast(
    view: NodeView, shape1: tuple[int, ...], shape2: tuple[int, ...], output: tuple[int, ...]
) -> Broadcast:
    """Return the loops that walk two operands in the order of the output.

    Neighbouring axes that both operands walk alike are merged, so that equal shapes become one
    loop.
    """
    rank = max(len(shape1), len(shape2))
    first = (1,) * (rank - len(shape1)) + shape1
    second = (1,) * (rank - len(shape2)) + shape2
    shape = tuple(max(a, b) for a, b in zip(first, second, strict=True))
    fits = all(a in (1, n) and b in (1, n) for a, b, n in zip(first, second, shape, strict=True))
    view.require(fits, f"shapes {shape1} and {shape2} do not broadcast")
    view.require(output == shape, f"output shape {output}", str(shape))
    axes: list[tuple[int, bool, bool]] = []
    for a, b, n in zip(first, second, shape, strict=True):
        if n == 1:
            continue
        moves = (a == n, b == n)
        if axes and axes[-1][1:] == moves:
            axes[-1] = (axes[-1][0] * n, *moves)
        else:
            axes.append((n, *moves))
    if len(axes) > LOOPS:
        view.unsupported(
            f"broadcast pattern {shape1} with {shape2}", f"at most {LOOPS} distinct axes"
        )
    axes = [(1, False, False)] * (LOOPS - len(axes)) + axes
    steps: list[tuple[int, ...]] = []
    for operand in (1, 2):
        step, found = 1, []
        for axis in reversed(axes):
            found.append(step if axis[operand] else 0)
            step *= axis[0] if axis[operand] else 1
        steps.append(tuple(reversed(found)))
    return Broadcast(tuple(axis[0] for axis in axes), steps[0], steps[1], output)
