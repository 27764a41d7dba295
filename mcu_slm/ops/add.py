"""ADD: both operands are brought to a common scale with 20 extra bits, added, and requantised.

real multipliers, formed in float64: input_i: scale_i / (2 * max(scale1, scale2)); output: 2 * max /
(2^20 * output scale).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.folding import Array, Fold, element_wise
from mcu_slm.quant import Multiplier, quantize_multiplier, requantize, saturate_int8

LEFT_SHIFT = 20


@dataclass(frozen=True, eq=False)
class Sum(BroadcastOperator):
    """An addition or subtraction reduced to integers; `sign` is +1 or -1."""

    kernels = ("add_s8",)

    sign: int
    input1_zero_point: int
    input2_zero_point: int
    output_zero_point: int
    input1: Multiplier
    input2: Multiplier
    output: Multiplier
    act_min: int
    act_max: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Requantise both operands, add, requantise the sum."""
        rank = len(self.loops.shape)
        operands = []
        for x, zero_point, scale in (
            (inputs[0], self.input1_zero_point, self.input1),
            (inputs[1], self.input2_zero_point, self.input2),
        ):
            padded = x.reshape(x.shape[0], *(1,) * (rank - (x.ndim - 1)), *x.shape[1:])
            raised = (padded.astype(np.int64) - zero_point) << LEFT_SHIFT
            operands.append(requantize(raised, scale.multiplier, scale.shift))
        total = operands[0] + self.sign * operands[1]
        scaled = requantize(total, self.output.multiplier, self.output.shift)
        return [saturate_int8(scaled + self.output_zero_point, self.act_min, self.act_max)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of both inputs and the output."""
        return (self.input1, self.input2, self.output)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "sign": self.sign,
            "input1_zero_point": self.input1_zero_point,
            "input2_zero_point": self.input2_zero_point,
            "output_zero_point": self.output_zero_point,
        }
        for name, scale in (
            ("input1", self.input1),
            ("input2", self.input2),
            ("output", self.output),
        ):
            fields[f"{name}_multiplier"] = scale.multiplier
            fields[f"{name}_shift"] = scale.shift
        fields |= {"act_min": self.act_min, "act_max": self.act_max}
        return struct_call(
            "mcu_slm_add_t", "mcu_slm_add_s8", fields, [*arguments.inputs, arguments.outputs[0]]
        )


def parse(view: NodeView) -> Sum:
    """Check an ADD node and derive its integers."""
    return parse_sum(view, sign=1)


def parse_sum(view: NodeView, sign: int) -> Sum:
    """Derive the integers of ADD (`sign` +1) or SUB (-1)."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    scale1, scale2, output_scale = (view.int8(t)[0] for t in (first, second, output))
    twice_max = 2.0 * max(scale1, scale2)
    reals = (scale1 / twice_max, scale2 / twice_max, twice_max / ((1 << LEFT_SHIFT) * output_scale))
    view.require(
        reals[2] < 1.0,
        f"output scale {output_scale!r} for inputs {scale1!r} and {scale2!r}",
        "a larger one",
    )
    input1, input2, scaled = (view.multiplier(quantize_multiplier(real)) for real in reals)
    act_min, act_max = view.activation_range(output)
    return Sum(
        broadcast(view, first.shape, second.shape, output.shape),
        sign,
        view.int8(first)[1],
        view.int8(second)[1],
        view.int8(output)[1],
        input1,
        input2,
        scaled,
        act_min,
        act_max,
    )


def _evaluate(view: NodeView) -> Sequence[Array]:
    """Add; the judge does not apply the fused activation to int32."""
    real = view.input(0).dtype == "float32"
    return element_wise(np.add, 2, clamped=real)(view)


FOLD = Fold(("int32", "float32"), _evaluate)
