"""DEQUANTIZE: quantised integers of up to 16 bits to float32: y = scale * (x - zero_point).

One product of two float32 numbers, rounded once; the judge multiplies in float64 and rounds the
exact product, which is the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.clearance import elementwise_clearance
from mcu_slm.ops.elements import C_NAMES, float_literal
from mcu_slm.ops.features import Features
from mcu_slm.ops.lookup import unary_tensors

RUNS = ("int8 -> float32", "uint8 -> float32", "int16 -> float32")


@dataclass(frozen=True, eq=False)
class Dequantize(Operator):
    """Integers of type `dtype` to float32."""

    kernels = ("dequantize_f32",)

    count: int
    dtype: str
    scale: float
    zero_point: int

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Multiply."""
        steps = inputs[0].astype(np.int32) - self.zero_point
        return [np.float32(self.scale) * steps.astype(np.float32)]

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """Every element is read before it is written."""
        return elementwise_clearance(self.count, np.dtype(self.dtype).itemsize, 4)

    def features(self) -> Features:
        """Return the elements."""
        return {f"from_{self.dtype}": self.count}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "count": self.count,
            "input_type": C_NAMES[self.dtype],
            "zero_point": self.zero_point,
            "scale": float_literal(self.scale),
        }
        source, target = arguments.inputs[0], f"(float *)(void *){arguments.outputs[0]}"
        return struct_call(
            "mcu_slm_dequantize_t", "mcu_slm_dequantize_f32", fields, [source, target]
        )


def parse(view: NodeView) -> Dequantize:
    """Check a DEQUANTIZE node."""
    source, output = unary_tensors(view)
    if output.dtype != "float32":
        view.unsupported(f"{output.name} has type {output.dtype}", "float32")
    scale, zero_point = view.quantized(source, ("int8", "uint8", "int16"))
    return Dequantize(source.element_count, source.dtype, scale, zero_point)
