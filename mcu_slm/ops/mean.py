"""MEAN over neighbouring axes.

Y = requantize(sum(x) - n * zx) + zy, with 1/n folded into the multiplier.

Derivation of the folded multiplier as in the judge: with k = min(floor(log2 n), 32, 31 + shift),
multiplier' = floor((multiplier << k) / n) and shift' = shift - k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.quant import Multiplier, quantize_multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class Mean(Operator):
    """A mean over the middle axis of [outer, count, inner]."""

    kernels = ("mean_s8",)

    outer: int
    count: int
    inner: int
    input_zero_point: int
    output_zero_point: int
    output: Multiplier
    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Sum and requantise."""
        x = inputs[0].reshape(-1, self.outer, self.count, self.inner).astype(np.int64)
        total = x.sum(axis=2) - self.count * self.input_zero_point
        scaled = requantize(total, self.output.multiplier, self.output.shift)
        y = saturate_int8(scaled + self.output_zero_point)
        return [y.reshape((-1, *self.output_shape))]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier with 1/n folded in."""
        return (self.output,)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "outer": self.outer,
            "count": self.count,
            "inner": self.inner,
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        return struct_call(
            "mcu_slm_mean_t",
            "mcu_slm_mean_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> Mean:
    """Check a MEAN node and derive its integers."""
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    rank = len(source.shape)
    named = view.constant(view.input(1), "int32").reshape(-1)
    axes = sorted({int(a) % rank for a in named if -rank <= a < rank})
    view.require(
        len(axes) > 0 and all(-rank <= a < rank for a in named),
        f"axes {named.tolist()}",
        f"axes of rank {rank}",
    )
    if axes != list(range(axes[0], axes[-1] + 1)):
        view.unsupported(f"mean over the axes {axes}", "neighbouring axes")
    outer = int(np.prod(source.shape[: axes[0]], dtype=np.int64))
    count = int(np.prod(source.shape[axes[0] : axes[-1] + 1], dtype=np.int64))
    inner = int(np.prod(source.shape[axes[-1] + 1 :], dtype=np.int64))
    view.require(output.element_count == outer * inner, f"output shape {output.shape}")
    scale, zero_point = view.int8(source)
    output_scale, output_zero_point = view.int8(output)
    multiplier, shift = quantize_multiplier(scale / output_scale)
    fold = min(count.bit_length() - 1, 32, 31 + shift)
    folded = Multiplier((multiplier << fold) // count, shift - fold)
    return Mean(
        outer,
        count,
        inner,
        zero_point,
        output_zero_point,
        view.multiplier(folded),
        output.shape,
    )
