"""BATCH_MATMUL: y = requantize(sum((a - za) * (b - zb))) + zy over the last two axes.

Batches broadcast; a side has at most five axes, as in the judge. `adj_x` and `adj_y` read a side
transposed. Real multiplier: scale_a * scale_b / output scale, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import Broadcast, broadcast
from mcu_slm.ops.clearance import clearance, nested
from mcu_slm.ops.features import Features
from mcu_slm.ops.linear import exact_matmul
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

    batches: Broadcast
    rows: int
    depth: int
    columns: int
    adj_x: bool
    adj_y: bool
    lhs_zero_point: int
    rhs_zero_point: int
    output_zero_point: int
    output: Multiplier
    output_shape: tuple[int, ...]

    @property
    def _row_step(self) -> int:
        return 1 if self.adj_x else self.depth

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return int(np.prod(self.batches.lengths)) * self.rows * self.depth * self.columns

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Multiply matrices and requantise."""
        acc = self.accumulators(inputs)
        scaled = requantize(acc, self.output.multiplier, self.output.shift)
        return [saturate_int8(scaled + self.output_zero_point)]

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Multiply matrices in exact floating point: [windows, ..., rows, columns]."""
        rank = len(self.output_shape)
        left, right = (
            x.reshape(x.shape[0], *(1,) * (rank - (x.ndim - 1)), *x.shape[1:]).astype(np.int16)
            for x in inputs
        )
        left = left - np.int16(self.lhs_zero_point)
        right = right - np.int16(self.rhs_zero_point)
        if self.adj_x:
            left = left.swapaxes(-1, -2)
        if self.adj_y:
            right = right.swapaxes(-1, -2)
        return exact_matmul(left, right)

    def clearance(self, position: int) -> int:
        """A row of a product needs its row of the left side and all of the right matrix."""
        batches = nested(self.batches.lengths, (self.batches.steps1, self.batches.steps2)[position])
        row_step = self._row_step if position == 0 else 0
        needed = batches[:, None] + np.arange(self.rows) * row_step
        written = np.arange(1, needed.size + 1) * self.columns - 1
        return clearance(written, needed.reshape(-1))

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multiplier of the product."""
        return (self.output,)

    def summary(self) -> str:
        """Return the shape of one product."""
        times = int(np.prod(self.batches.lengths))
        sides = f"{self.rows}x{self.depth} * {self.depth}x{self.columns}"
        return f"{times} x ({sides})" if times > 1 else sides

    def features(self) -> Features:
        """Return matrices, their rows, outputs and products."""
        batches = int(np.prod(self.batches.lengths))
        rows = batches * self.rows
        return {
            "matrices": batches,
            "rows": rows,
            "outputs": rows * self.columns,
            "products": self.macs,
        }

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call; a transposed side only swaps its strides."""
        loops = self.batches.fields()
        fields: dict[str, object] = {
            "batch_lengths": loops["lengths"],
            "lhs_batch_steps": loops["steps1"],
            "rhs_batch_steps": loops["steps2"],
            "rows": self.rows,
            "depth": self.depth,
            "columns": self.columns,
            "lhs_row_step": self._row_step,
            "lhs_depth_step": self.rows if self.adj_x else 1,
            "rhs_depth_step": 1 if self.adj_y else self.columns,
            "rhs_column_step": self.depth if self.adj_y else 1,
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
            [*arguments.inputs, arguments.outputs[0]],
        )


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
    matrix = (rows * depth, depth * columns)
    steps = [
        tuple(step * size for step in operand)
        for operand, size in zip((loops.steps1, loops.steps2), matrix, strict=True)
    ]
    return BatchMatMul(
        Broadcast(loops.lengths, steps[0], steps[1], loops.shape),
        rows,
        depth,
        columns,
        adj_x,
        adj_y,
        view.int8(left)[1],
        view.int8(right)[1],
        view.int8(output)[1],
        view.multiplier(quantize_multiplier(scale1 * scale2 / scale)),
        output.shape,
    )
