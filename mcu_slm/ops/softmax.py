"""SOFTMAX over the last axis: int8 in any scale, probabilities in 1/256 (int8) or 1/65536 (int16).

exp depends only on (x - row maximum), one of 256 values, so it is a table made at compile time with
the judge's own fixed-point exponential. At run time: sum of exponentials in Q12.19, one reciprocal
per row by Newton steps, one multiplication per element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import (
    Activations,
    Arguments,
    Constant,
    Int8,
    NodeView,
    Operator,
    struct_call,
)
from mcu_slm.ops.clearance import elementwise_clearance
from mcu_slm.ops.features import Features, unrolled
from mcu_slm.ops.fixed_point import exp_on_negative_values, one_over_one_plus_x
from mcu_slm.ops.support import entry
from mcu_slm.quant import (
    INT32_MAX,
    Multiplier,
    doubling_high_mul,
    quantize_multiplier,
    rounding_shift_right,
)

INPUT_INTEGER_BITS = 5
SUM_INTEGER_BITS = 12
OUTPUT_BITS = {"int8": 8, "int16": 16}
"""Probabilities are held in so many bits, less half their range."""

_SCALE_TOLERANCE = {"int8": 0.0, "int16": 0.001}
"""Relative; the judge insists on the scale of int8 and is generous with that of int16."""

MAX_DEPTH = (1 << SUM_INTEGER_BITS) - 1
"""As many equal values as the sum can hold.

From 512 equal ones on, every probability is less than half a step: 0. The judge's last shift would
be 32 bits there, and it stops; rows with anything in them, like those of a thousand classes, it
computes.
"""


@dataclass(frozen=True, eq=False)
class Softmax(Operator):
    """A softmax: `exponentials[d]` is exp(-d * scale * beta) in Q0.31.

    Larger differences give probability 0.
    """

    kernels = ("softmax_s8",)

    rows: int
    depth: int
    exponentials: npt.NDArray[np.int32]
    input: Multiplier
    dtype: str

    def reference(self, inputs: Sequence[Int8]) -> list[Activations]:
        """Look exponentials up, sum, divide."""
        x = inputs[0].astype(np.int64)
        difference = x.max(axis=-1, keepdims=True) - x
        counted = difference < len(self.exponentials)
        table = self.exponentials.astype(np.int64)
        exponential = np.where(counted, table[np.minimum(difference, len(table) - 1)], 0)
        total = rounding_shift_right(exponential, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
        # total is in [2^19, 2^31): its headroom is exact in float64.
        headroom = 31 - np.floor(np.log2(total.astype(np.float64))).astype(np.int64)
        reciprocal = one_over_one_plus_x((total << headroom) - (1 << 31))
        exponent = SUM_INTEGER_BITS - headroom + 31 - OUTPUT_BITS[self.dtype]
        scaled = rounding_shift_right(doubling_high_mul(reciprocal, exponential), exponent)
        bounds = np.iinfo(self.dtype)
        y = np.clip(np.where(counted, scaled, 0) + bounds.min, bounds.min, bounds.max)
        return [y.astype(self.dtype)]

    def constants(self) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        table = np.zeros(256, np.int32)
        table[256 - len(self.exponentials) :] = self.exponentials[::-1]
        return (Constant("exp", table, False, "exp((i - 255) * scale * beta) in Q0.31"),)

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is read whole before its first element is written, each element once more then."""
        return elementwise_clearance(self.rows * self.depth, 1, OUTPUT_BITS[self.dtype] // 8)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier that brings differences to Q5.26."""
        return (self.input,)

    def features(self) -> Features:
        """Return rows and elements, four at a time."""
        if self.dtype == "int8":
            return {"rows": self.rows, **unrolled("element", self.rows, self.depth)}
        return {"rows_16": self.rows, "elements_16": self.rows * self.depth}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "rows": self.rows,
            "depth": self.depth,
            "exp_table": arguments.constants["exp"],
            "output_bits": OUTPUT_BITS[self.dtype],
        }
        return struct_call(
            "mcu_slm_softmax_t",
            "mcu_slm_softmax_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> Softmax:
    """Check a SOFTMAX node and make its table."""
    view.expect_count((1,))
    source, output = view.input(0), view.output()
    scale, _ = view.int8(source)
    _require_probabilities(view, output)
    view.require(output.shape == source.shape, f"output shape {output.shape}", str(source.shape))
    view.require(len(source.shape) >= 1, "input of rank 0", "1 or more")
    beta = float(view.option("beta"))
    depth = source.shape[-1]
    if depth > MAX_DEPTH:
        view.unsupported(f"a row of {depth} elements", f"at most {MAX_DEPTH}")
    real = min(beta * scale * (1 << (31 - INPUT_INTEGER_BITS)), float(INT32_MAX))
    view.require(real > 1.0, f"beta * input scale is {beta * scale}", "a larger input scale")
    multiplier = quantize_multiplier(real)
    rows, exponentials = source.element_count // depth, _exponentials(multiplier)
    return Softmax(rows, depth, exponentials, multiplier, output.dtype)


def _require_probabilities(view: NodeView, output: Tensor) -> None:
    scale, zero_point = view.quantized(output, tuple(OUTPUT_BITS))
    steps, lowest = 1 << OUTPUT_BITS[output.dtype], int(np.iinfo(output.dtype).min)
    is_near = abs(scale * steps - 1.0) <= _SCALE_TOLERANCE[output.dtype]
    if not is_near or zero_point != lowest:
        found = f"output scale {scale!r}, zero point {zero_point}"
        view.fail(found, f"scale 1/{steps}, zero point {lowest}")


def _exponentials(multiplier: Multiplier) -> npt.NDArray[np.int32]:
    """Return exp(-d) for d = 0, 1, ... as far as differences count (at most 255)."""
    radius = ((1 << INPUT_INTEGER_BITS) - 1) * (1 << (31 - INPUT_INTEGER_BITS))
    largest = min(math.floor(radius / (1 << multiplier.shift)), 255)
    difference = -np.arange(largest + 1, dtype=np.int64)
    scaled = doubling_high_mul(difference << multiplier.shift, multiplier.multiplier)
    return exp_on_negative_values(scaled, INPUT_INTEGER_BITS).astype(np.int32)


RUNS = ("int8", entry("int8", "int16"))
