"""CUMSUM along one constant axis: running sums, without the element itself where `exclusive`.

The arithmetic is that of ADD_N, whose start at what a byte of 0 stands for the judge shares; sums
wrap in 32 bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.add_n import EXTRA_BITS, sum_multiplier
from mcu_slm.ops.base import Activations, Arguments, NodeView, Operator, struct_call
from mcu_slm.ops.joined_rows import axis_of
from mcu_slm.ops.strided_copy import expect_shape, integer
from mcu_slm.quant import Multiplier, requantize, saturate_int8, wrap_int32


@dataclass(frozen=True, eq=False)
class RunningSum(Operator):
    """Sums along `length` elements that are `inner` apart, from either end."""

    kernels = ("cumsum_s8",)

    outer: int
    length: int
    inner: int
    exclusive: bool
    reverse: bool
    input_zero_point: int
    output_zero_point: int
    output: Multiplier
    shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Add in 32 bits and requantise."""
        x = inputs[0].reshape(-1, self.outer, self.length, self.inner).astype(np.int64)
        x = (x[:, :, ::-1] if self.reverse else x) - self.input_zero_point
        sums = np.cumsum(x, axis=2) - (x if self.exclusive else 0)
        sums = sums[:, :, ::-1] if self.reverse else sums
        raised = wrap_int32((sums - self.input_zero_point) << (EXTRA_BITS - 1))
        y = saturate_int8(requantize(raised, *self.output) + self.output_zero_point)
        return [y.reshape(-1, *self.shape)]

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the sums."""
        return (self.output,)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "outer": self.outer,
            "length": self.length,
            "inner": self.inner,
            "exclusive": int(self.exclusive),
            "reverse": int(self.reverse),
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        places = [arguments.inputs[0], arguments.outputs[0]]
        return struct_call("mcu_slm_cumsum_t", "mcu_slm_cumsum_s8", fields, places)


def parse(view: NodeView) -> RunningSum:
    """Check a CUMSUM node and derive its integers."""
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    shape = source.shape
    view.require(len(shape) > 0, "a scalar", "one axis or more")
    axis = axis_of(view, integer(view, 1), len(shape))
    expect_shape(view, output, shape)
    return RunningSum(
        math.prod(shape[:axis]),
        shape[axis],
        math.prod(shape[axis + 1 :]),
        bool(view.option("exclusive", False)),
        bool(view.option("reverse", False)),
        view.int8(source)[1],
        view.int8(output)[1],
        sum_multiplier(view),
        shape,
    )
