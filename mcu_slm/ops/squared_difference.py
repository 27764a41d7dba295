"""SQUARED_DIFFERENCE: operands brought to a common scale with 7 extra bits, subtracted and squared.

Real multipliers, in float64: input_i: scale_i / (2 * max(scale1, scale2)); output:
(2 * max)^2 / (2^14 * output scale).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.lookup import INPUTS
from mcu_slm.ops.rescale import (
    LARGEST_DIFFERENCE,
    bounded_multiplier,
    has_short_form,
    short_form,
)
from mcu_slm.quant import INT8_MIN, Int64, Multiplier, requantize, saturate_int8

EXTRA_BITS = 7
_MAX_RANK = 4
"""Of operands that are broadcast, in the judge."""


@dataclass(frozen=True, eq=False)
class SquaredDifference(BroadcastOperator):
    """A squared difference reduced to integers."""

    kernels = ("squared_difference_s8",)

    input1_zero_point: int
    input2_zero_point: int
    output_zero_point: int
    input1: Multiplier
    input2: Multiplier
    output: Multiplier

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Requantise both operands, subtract, square, requantise."""
        first, second = self.terms(*(self.loops.aligned(x) for x in inputs))
        squared = requantize((first - second) ** 2, *self.output)
        return [saturate_int8(squared + self.output_zero_point)]

    def terms(self, first: Int64, second: Int64) -> tuple[Int64, Int64]:
        """Return the operands at the common scale."""
        return (
            requantize((first - self.input1_zero_point) << EXTRA_BITS, *self.input1),
            requantize((second - self.input2_zero_point) << EXTRA_BITS, *self.input2),
        )

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of both inputs and the output."""
        return (self.input1, self.input2, self.output)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "input1_zero_point": self.input1_zero_point,
            "input2_zero_point": self.input2_zero_point,
            "output_zero_point": self.output_zero_point,
        }
        for name in ("input1", "input2", "output"):
            scale: Multiplier = getattr(self, name)
            fields[f"{name}_multiplier"] = scale.multiplier
            fields[f"{name}_shift"] = scale.shift
        return struct_call(
            "mcu_slm_squared_difference_t",
            "mcu_slm_squared_difference_s8",
            fields,
            [*arguments.inputs, arguments.outputs[0]],
        )


@dataclass(frozen=True, eq=False)
class SquaredDifferenceShort(SquaredDifference):
    """A squared difference whose last multiplier shifts right, as nearly all do."""

    kernels = ("squared_difference_short_s8",)

    def constants(self) -> tuple[Constant, ...]:
        """Return the operands at the common scale."""
        return tuple(
            Constant(f"terms{number}", terms.astype(np.int16), False, "for the inputs -128 .. 127")
            for number, terms in enumerate(self.terms(INPUTS, INPUTS), 1)
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with the operand in front that the innermost loop walks."""
        loops, order = self.loops.walked_first()
        terms = [f"{arguments.constants[f'terms{operand + 1}']} + {-INT8_MIN}" for operand in order]
        fields: dict[str, object] = {
            **loops.fields(),
            "terms1": terms[0],
            "terms2": terms[1],
            "multiplier": self.output.multiplier,
            **short_form(self.output, self.output_zero_point),
        }
        return struct_call(
            "mcu_slm_squared_difference_short_t",
            "mcu_slm_squared_difference_short_s8",
            fields,
            [*(arguments.inputs[operand] for operand in order), arguments.outputs[0]],
        )


def parse(view: NodeView) -> SquaredDifference:
    """Check a SQUARED_DIFFERENCE node and derive its integers."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    rank = max(len(first.shape), len(second.shape))
    if first.shape != second.shape and rank > _MAX_RANK:
        view.unsupported(f"operands of rank {rank} with broadcasting", f"at most {_MAX_RANK}")
    scale1, scale2, scale = (view.int8(t)[0] for t in (first, second, output))
    twice_max = 2.0 * max(scale1, scale2)
    raised = LARGEST_DIFFERENCE << EXTRA_BITS
    input1, input2 = (
        bounded_multiplier(view, real / twice_max, raised) for real in (scale1, scale2)
    )
    # Each operand is at most half of `raised` at the common scale.
    squared = twice_max * twice_max / ((1 << 2 * EXTRA_BITS) * scale)
    multiplier = bounded_multiplier(view, squared, raised**2)
    return (SquaredDifferenceShort if has_short_form(multiplier) else SquaredDifference)(
        broadcast(view, first.shape, second.shape, output.shape),
        view.int8(first)[1],
        view.int8(second)[1],
        view.int8(output)[1],
        input1,
        input2,
        multiplier,
    )


FOLD = Fold(("int32", "float32"), element_wise(lambda a, b: (a - b) * (a - b), 2))
