"""BATCH_MATMUL: y = requantize(sum((a - za) * (b - zb))) + zy over the last two axes.

Batches broadcast; a side has at most five axes, as in the judge. `adj_x` and `adj_y` read a side
transposed. Real multiplier: scale_a * scale_b / output scale, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import LOOPS, braces, broadcast
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features
from mcu_slm.ops.linear import exact_matmul
from mcu_slm.ops.matrices import Matrices
from mcu_slm.ops.strided_copy import expect_rank
from mcu_slm.quant import INT32_MAX, Multiplier, quantize_multiplier, requantize, saturate_int8

MAX_RANK = 5
_MAX_DEPTH = INT32_MAX // 255**2
"""So many products of two centred int8 values fit an int32 accumulator."""


@dataclass(frozen=True, eq=False)
class BatchMatMul(Operator):
    """A batched matrix product reduced to integers."""

    kernels = ("batch_matmul_s8",)
    activations: ClassVar[tuple[int, ...]] = (0, 1)

    lengths: tuple[int, ...]
    rows: int
    depth: int
    columns: int
    lhs: Matrices
    rhs: Matrices
    target: Matrices
    lhs_zero_point: int
    rhs_zero_point: int
    output_zero_point: int
    output: Multiplier
    output_shape: tuple[int, ...]

    @property
    def times(self) -> int:
        """Number of products of two matrices."""
        return math.prod(self.lengths)

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return self.times * self.rows * self.depth * self.columns

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Multiply matrices and requantise."""
        acc = self.accumulators(inputs)
        scaled = requantize(acc, self.output.multiplier, self.output.shift)
        values = saturate_int8(scaled + self.output_zero_point)
        output = np.empty((len(values), math.prod(self.output_shape)), np.int8)
        output[:, self.target.places(self.lengths, self.rows, self.columns)] = values
        return [output.reshape(-1, *self.output_shape)]

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Multiply matrices in exact floating point: [windows, *lengths, rows, columns]."""
        sides = (
            (inputs[0], self.lhs, self.rows, self.lhs_zero_point),
            (inputs[1], self.rhs, self.columns, self.rhs_zero_point),
        )
        left, right = (
            x.reshape(len(x), -1)[:, side.places(self.lengths, vectors, self.depth)].astype(
                np.int16
            )
            - np.int16(zero_point)
            for x, side, vectors, zero_point in sides
        )
        return exact_matmul(left, right.swapaxes(-1, -2))

    def clearance(self, position: int) -> int:
        """A row of a product needs its row of the left side and all of the right matrix."""
        if position == 0:
            rows = np.arange(self.rows) * self.lhs.vector_step
            needed = self.lhs.lowest(self.lengths, 1, self.depth)[:, None] + rows
        else:
            needed = self.rhs.lowest(self.lengths, self.columns, self.depth).repeat(self.rows)
        ends = self.target.ends(self.lengths, self.rows, self.columns).reshape(-1)
        return clearance(np.maximum.accumulate(ends) - 1, needed.reshape(-1))

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the product."""
        return (self.output,)

    def summary(self) -> str:
        """Return the shape of one product."""
        sides = f"{self.rows}x{self.depth} * {self.depth}x{self.columns}"
        return f"{self.times} x ({sides})" if self.times > 1 else sides

    def features(self) -> Features:
        """Return matrices, their rows, outputs and products."""
        rows = self.times * self.rows
        return {
            "matrices": self.times,
            "rows": rows,
            "outputs": rows * self.columns,
            "products": self.macs,
        }

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call; a transposed side only swaps its steps."""
        fields: dict[str, object] = {
            "batch_lengths": braces(self.lengths),
            "lhs_batch_steps": braces(self.lhs.batch_steps),
            "rhs_batch_steps": braces(self.rhs.batch_steps),
            "output_batch_steps": braces(self.target.batch_steps),
            "rows": self.rows,
            "depth": self.depth,
            "columns": self.columns,
            "lhs_row_step": self.lhs.vector_step,
            "lhs_depth_step": self.lhs.value_step,
            "rhs_depth_step": self.rhs.value_step,
            "rhs_column_step": self.rhs.vector_step,
            "output_row_step": self.target.vector_step,
            "lhs_zero_point": self.lhs_zero_point,
            "rhs_zero_point": self.rhs_zero_point,
            "output_zero_point": self.output_zero_point,
            "multiplier": self.output.multiplier,
            "shift": self.output.shift,
        }
        return struct_call(
            "mcu_slm_batch_matmul_t",
            "mcu_slm_batch_matmul_s8",
            fields,
            self.pointers(arguments),
        )

    def pointers(self, arguments: Arguments) -> tuple[str, str, str]:
        """Return the C expressions of the first values of left side, right side and output."""
        left, right = arguments.inputs
        return self.lhs.at(left), self.rhs.at(right), self.target.at(arguments.outputs[0])


def parse(view: NodeView) -> BatchMatMul:
    """Check a BATCH_MATMUL node and derive its integers."""
    view.expect_count((2,))
    left, right, output = view.input(0), view.input(1), view.output()
    for tensor in (left, right):
        view.require(
            len(tensor.shape) >= 2, f"{tensor.name} has rank {len(tensor.shape)}", "2 or more"
        )
        expect_rank(view, tensor, MAX_RANK)
    adj_x, adj_y = bool(view.option("adj_x", False)), bool(view.option("adj_y", False))
    rows, depth = left.shape[-2:][::-1] if adj_x else left.shape[-2:]
    right_depth, columns = right.shape[-2:][::-1] if adj_y else right.shape[-2:]
    view.require(depth == right_depth, f"inner sizes {depth} and {right_depth}", "the same")
    view.require(depth <= _MAX_DEPTH, f"sums of {depth} products", f"at most {_MAX_DEPTH}")
    view.require(
        output.shape[-2:] == (rows, columns),
        f"output shape {output.shape}",
        f"[..., {rows}, {columns}]",
    )
    scale1, scale2, scale = (view.int8(t)[0] for t in (left, right, output))
    loops = broadcast(view, left.shape[:-2], right.shape[:-2], output.shape[:-2])
    inside = ((rows, depth), (columns, depth))
    lhs, rhs = (
        _side(steps, *sizes, is_transposed=transposed)
        for steps, sizes, transposed in zip(
            (loops.steps1, loops.steps2), inside, (adj_x, not adj_y), strict=True
        )
    )
    inner = [rows * columns * math.prod(loops.lengths[axis + 1 :]) for axis in range(LOOPS)]
    return BatchMatMul(
        loops.lengths,
        rows,
        depth,
        columns,
        lhs,
        rhs,
        Matrices(0, tuple(inner), columns, 1),
        view.int8(left)[1],
        view.int8(right)[1],
        view.int8(output)[1],
        view.multiplier(quantize_multiplier(scale1 * scale2 / scale)),
        output.shape,
    )


def _side(steps: tuple[int, ...], vectors: int, values: int, *, is_transposed: bool) -> Matrices:
    """Return a side of which the file has whole matrices, one behind the other."""
    batch_steps = tuple(step * vectors * values for step in steps)
    inner = (1, vectors) if is_transposed else (values, 1)
    return Matrices(0, batch_steps, *inner)
