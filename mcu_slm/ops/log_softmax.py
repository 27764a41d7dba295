"""LOG_SOFTMAX over the last axis: y = x - maximum - log(sum(exp(x - maximum))).

The output has scale 1/16 and zero point 127. Differences from the row's maximum are held in Q5.26,
the sum of their exponentials in Q12.19 and its logarithm in Q5.26 again. Exponentials are a table,
as in SOFTMAX; the logarithm is computed once per row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.fixed_point import exp_on_negative_values, log_of_at_least_1
from mcu_slm.quant import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    INT32_MIN,
    Multiplier,
    quantize_multiplier,
    requantize,
    rounding_shift_right,
    saturate_int8,
    wrap_int32,
)

INTEGER_BITS = 5
SUM_INTEGER_BITS = 12
OUTPUT_INTEGER_BITS = 4
OUTPUT_SCALE = 1.0 / 16.0
MAX_DEPTH = (1 << SUM_INTEGER_BITS) - 1
"""More equal values would overflow the sum."""


@dataclass(frozen=True, eq=False)
class LogSoftmax(Operator):
    """A logarithm of softmax: `exponentials[d]` is exp(-d * scale) in Q12.19.

    Larger differences add nothing to the sum. `inverse` brings Q5.26 back to differences.
    """

    kernels = ("log_softmax_s8",)

    rows: int
    depth: int
    exponentials: npt.NDArray[np.int32]
    input: Multiplier
    inverse: Multiplier
    lowest_difference: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Look exponentials up, sum, take the logarithm, subtract."""
        x = inputs[0].astype(np.int64)
        difference = x - x.max(axis=-1, keepdims=True)
        table = self.exponentials.astype(np.int64)
        place = np.minimum(-difference, len(table) - 1)
        total = np.where(-difference < len(table), table[place], 0).sum(axis=-1, keepdims=True)
        logarithm = log_of_at_least_1(total, SUM_INTEGER_BITS, INTEGER_BITS)
        # Whatever lies further below would leave Q5.26 when the logarithm is subtracted.
        limit = requantize(wrap_int32(logarithm + INT32_MIN), *self.inverse)
        counted = difference > np.maximum(limit, self.lowest_difference - 1)
        scaled = requantize(np.where(counted, difference, 0), *self.input) - logarithm
        y = rounding_shift_right(scaled, 31 - INTEGER_BITS - OUTPUT_INTEGER_BITS) + INT8_MAX
        return [saturate_int8(np.where(counted, y, INT8_MIN))]

    def constants(self) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        comment = "exp(-d * scale) in Q12.19, d = maximum - x"
        return (Constant("exp", self.exponentials, False, comment),)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is read whole before its first element is written, each element once more then."""
        return 0

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers to Q5.26 and back."""
        return (self.input, self.inverse)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "rows": self.rows,
            "depth": self.depth,
            "exp_table": arguments.constants["exp"],
            "exp_table_length": len(self.exponentials),
            "lowest_difference": self.lowest_difference,
            "multiplier": self.input.multiplier,
            "shift": self.input.shift,
            "inverse_multiplier": self.inverse.multiplier,
            "inverse_shift": self.inverse.shift,
        }
        return struct_call(
            "mcu_slm_log_softmax_t",
            "mcu_slm_log_softmax_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> LogSoftmax:
    """Check a LOG_SOFTMAX node and make its table."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    output_scale, output_zero_point = view.int8(output)
    if output_scale != OUTPUT_SCALE or output_zero_point != INT8_MAX:
        found = f"output scale {output_scale!r}, zero point {output_zero_point}"
        view.fail(found, "scale 1/16, zero point 127")
    view.require(output.shape == source.shape, f"output shape {output.shape}", str(source.shape))
    view.require(len(source.shape) >= 1, "input of rank 0", "1 or more")
    depth = source.shape[-1]
    if depth > MAX_DEPTH:
        view.unsupported(f"a row of {depth} elements", f"at most {MAX_DEPTH}")
    scale, _ = view.int8(source)
    real = min(scale * (1 << (31 - INTEGER_BITS)), float(INT32_MAX))
    view.require(real > 1.0, f"input scale {scale!r}", "more than 2^-26")
    multiplier = quantize_multiplier(real)
    inverse = quantize_multiplier((1 << (31 - multiplier.shift)) / multiplier.multiplier)
    limit = ((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS)
    radius = math.floor(limit / (1 << multiplier.shift))
    differences = -np.arange(min(radius, INT8_MAX - INT8_MIN) + 1, dtype=np.int64)
    exponentials = exp_on_negative_values(requantize(differences, *multiplier), INTEGER_BITS)
    table = rounding_shift_right(exponentials, SUM_INTEGER_BITS).astype(np.int32)
    rows = source.element_count // depth
    return LogSoftmax(rows, depth, table, multiplier, inverse, -radius)
