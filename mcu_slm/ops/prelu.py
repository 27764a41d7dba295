"""PRELU: y = requantize(x - zx) + zy, below zero requantize((x - zx) * (alpha - za)) + zy.

Real multipliers, in float64: input scale / output scale, and input scale * alpha scale / output
scale for x < zx. alpha is broadcast like an operand of MUL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.lookup import INPUTS
from mcu_slm.ops.rescale import LARGEST_DIFFERENCE, bounded_multiplier
from mcu_slm.quant import INT8_MIN, Multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class Prelu(BroadcastOperator):
    """A rectifier with a learned slope below zero."""

    kernels = ("prelu_s8",)

    input_zero_point: int
    alpha_zero_point: int
    output_zero_point: int
    identity: Multiplier
    slope: Multiplier

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Requantise x, or its product with alpha."""
        x = self.loops.aligned(inputs[0]) - self.input_zero_point
        alpha = self.loops.aligned(inputs[1]) - self.alpha_zero_point
        above, below = requantize(x, *self.identity), requantize(x * alpha, *self.slope)
        return [saturate_int8(np.where(x >= 0, above, below) + self.output_zero_point)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers from zero on and below."""
        return (self.identity, self.slope)

    def constants(self) -> tuple[Constant, ...]:
        """Return what becomes of inputs from zero on."""
        above = requantize(INPUTS - self.input_zero_point, *self.identity)
        table = saturate_int8(above + self.output_zero_point)
        return (Constant("identity", table, False, "output for the inputs -128 .. 127, if >= 0"),)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "input_zero_point": self.input_zero_point,
            "alpha_zero_point": self.alpha_zero_point,
            "output_zero_point": self.output_zero_point,
            "identity": f"{arguments.constants['identity']} + {-INT8_MIN}",
            "slope_multiplier": self.slope.multiplier,
            "slope_shift": self.slope.shift,
        }
        return struct_call(
            "mcu_slm_prelu_t",
            "mcu_slm_prelu_s8",
            fields,
            [*arguments.inputs, arguments.outputs[0]],
        )


def parse(view: NodeView) -> Prelu:
    """Check a PRELU node and derive its integers."""
    view.expect_count((2,))
    source, alpha, output = view.input(0), view.input(1), view.output()
    scale, alpha_scale, output_scale = (view.int8(t)[0] for t in (source, alpha, output))
    return Prelu(
        broadcast(view, source.shape, alpha.shape, output.shape),
        view.int8(source)[1],
        view.int8(alpha)[1],
        view.int8(output)[1],
        bounded_multiplier(view, scale / output_scale, LARGEST_DIFFERENCE),
        bounded_multiplier(view, scale * alpha_scale / output_scale, LARGEST_DIFFERENCE**2),
    )
