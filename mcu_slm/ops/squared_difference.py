"""SQUARED_DIFFERENCE: operands brought to a common scale with 7 extra bits, subtracted and squared.

Real multipliers, in float64: input_i: scale_i / (2 * max(scale1, scale2)); output:
(2 * max)^2 / (2^14 * output scale).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import Multiplier, requantize, saturate_int8

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
        first, second = (
            requantize((self.loops.aligned(x) - zero_point) << EXTRA_BITS, *scale)
            for x, zero_point, scale in (
                (inputs[0], self.input1_zero_point, self.input1),
                (inputs[1], self.input2_zero_point, self.input2),
            )
        )
        squared = requantize((first - second) ** 2, *self.output)
        return [saturate_int8(squared + self.output_zero_point)]

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
    return SquaredDifference(
        broadcast(view, first.shape, second.shape, output.shape),
        view.int8(first)[1],
        view.int8(second)[1],
        view.int8(output)[1],
        input1,
        input2,
        bounded_multiplier(view, squared, raised**2),
    )


FOLD = Fold(("int32", "float32"), element_wise(lambda a, b: (a - b) * (a - b), 2))
