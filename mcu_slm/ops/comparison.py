"""Comparisons of two operands at a common scale; the operators differ in the relation only.

Both operands are raised by 8 bits and multiplied by their own scale in Q0.31, so that what is
compared are integers: x_i = requantize((q_i - z_i) << 8), real multiplier: scale_i, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import Broadcast, broadcast
from mcu_slm.quant import Multiplier, quantize_multiplier, requantize

EXTRA_BITS = 8

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}


@dataclass(frozen=True, eq=False)
class Comparison(Operator):
    """One of `RELATIONS` of int8 operands; the result is 0 or 1."""

    kernels = ("compare_s8",)
    activations: ClassVar[tuple[int, ...]] = (0, 1)

    loops: Broadcast
    relation: str
    zero_points: tuple[int, int]
    scales: tuple[Multiplier, Multiplier]

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Requantise both operands and compare."""
        first, second = (
            requantize((self.loops.aligned(x) - zero_point) << EXTRA_BITS, *scale)
            for x, zero_point, scale in zip(inputs, self.zero_points, self.scales, strict=True)
        )
        return [RELATIONS[self.relation](first, second)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of the operands."""
        return self.scales

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.loops.fields(),
            "relation": f"MCU_SLM_{self.relation}",
        }
        for number, zero_point, scale in zip((1, 2), self.zero_points, self.scales, strict=True):
            fields[f"input{number}_zero_point"] = zero_point
            fields[f"input{number}_multiplier"] = scale.multiplier
            fields[f"input{number}_shift"] = scale.shift
        places = [*arguments.inputs, arguments.outputs[0]]
        return struct_call("mcu_slm_compare_t", "mcu_slm_compare_s8", fields, places)


def parse_comparison(view: NodeView) -> Comparison:
    """Check a comparison and derive its integers."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    view.expect_type(output, ("bool",))
    return Comparison(
        broadcast(view, first.shape, second.shape, output.shape),
        view.node.op,
        (view.int8(first)[1], view.int8(second)[1]),
        (_scale(view, first), _scale(view, second)),
    )


def _scale(view: NodeView, tensor: Tensor) -> Multiplier:
    """Return a scale as a multiplier; the judge stops at scales of 1 and more."""
    scale, _ = view.int8(tensor)
    if scale >= 1.0:
        view.unsupported(f"{tensor.name} has scale {scale!r}", "a scale below 1, as in the judge")
    return quantize_multiplier(scale)
