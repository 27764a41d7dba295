"""MUL: y = clamp(requantize((x1 - z1) * (x2 - z2)) + zy).

Real multiplier: scale1 * scale2 / output scale, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.features import Features, clamped
from mcu_slm.ops.folding import Fold, element_wise
from mcu_slm.ops.rescale import has_short_form, short_form
from mcu_slm.quant import Multiplier, quantize_multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class Mul(BroadcastOperator):
    """An element-wise product reduced to integers."""

    kernels = ("mul_s8",)

    input1_zero_point: int
    input2_zero_point: int
    output_zero_point: int
    output: Multiplier
    act_min: int
    act_max: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Multiply and requantise."""
        first, second = (self.loops.aligned(x) for x in inputs)
        product = (first - self.input1_zero_point) * (second - self.input2_zero_point)
        scaled = requantize(product, self.output.multiplier, self.output.shift)
        return [saturate_int8(scaled + self.output_zero_point, self.act_min, self.act_max)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the product."""
        return (self.output,)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "input1_zero_point": self.input1_zero_point,
            "input2_zero_point": self.input2_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
            "act_min": self.act_min,
            "act_max": self.act_max,
        }
        return struct_call(
            "mcu_slm_mul_t", "mcu_slm_mul_s8", fields, [*arguments.inputs, arguments.outputs[0]]
        )


@dataclass(frozen=True, eq=False)
class MulShort(Mul):
    """A product whose multiplier shifts right, as nearly all do: `has_short_form`."""

    kernels = ("mul_short_s8",)

    def features(self) -> Features:
        """Return rows and elements, and those that a narrow activation clamps afterwards."""
        return super().features() | clamped(self.loops.lengths, self.act_min, self.act_max)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with the operand in front that the innermost loop walks."""
        loops, order = self.loops.walked_first()
        zero_points = (self.input1_zero_point, self.input2_zero_point)
        fields: dict[str, object] = {
            **loops.fields(),
            "input1_twice_zero_point": 2 * zero_points[order[0]],
            "input2_zero_point": zero_points[order[1]],
            "multiplier": self.output.multiplier,
            **short_form(self.output, self.output_zero_point),
            "act_min": self.act_min,
            "act_max": self.act_max,
        }
        inputs = [arguments.inputs[operand] for operand in order]
        return struct_call(
            "mcu_slm_mul_short_t", "mcu_slm_mul_short_s8", fields, [*inputs, arguments.outputs[0]]
        )


def parse(view: NodeView) -> Mul:
    """Check a MUL node and derive its integers."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    scale1, scale2, scale = (view.int8(t)[0] for t in (first, second, output))
    act_min, act_max = view.activation_range(output)
    multiplier = view.multiplier(quantize_multiplier(scale1 * scale2 / scale))
    return (MulShort if has_short_form(multiplier) else Mul)(
        broadcast(view, first.shape, second.shape, output.shape),
        view.int8(first)[1],
        view.int8(second)[1],
        view.int8(output)[1],
        multiplier,
        act_min,
        act_max,
    )


FOLD = Fold(("int32", "float32"), element_wise(np.multiply, 2, clamped=True))
