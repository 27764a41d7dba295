"""BATCH_MATMUL of one row and a matrix whose columns lie side by side, as a weighted mean.

Every value of the matrix is needed once, so nothing is gained by widening it first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.batch_matmul import batch_loops, product_numbers
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.clearance import clearance, nested
from mcu_slm.ops.features import Features

_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class RowProduct(Specialized):
    """Products of one row each."""

    kernels = ("dsp_row_product",)
    activations = (0, 1)

    plain: BatchMatMul

    @property
    def scratch_bytes(self) -> int:
        """The widened row."""
        return 4 * -(-self.plain.depth // 2)

    def clearance(self, position: int) -> int:
        """The row is read before its outputs are written, the matrix along with them."""
        layer = self.plain
        steps = (layer.batches.steps1, layer.batches.steps2)[position]
        columns = np.arange(0, layer.columns, _COLUMNS)
        needed = nested(layer.batches.lengths, steps)[:, None] + columns * position
        batches = np.arange(len(needed))[:, None] * layer.columns
        written = batches + columns * position
        return clearance(written.reshape(-1), np.broadcast_to(needed, written.shape).reshape(-1))

    def features(self) -> Features:
        """Return rows, their values, and columns, four at a time or one by one."""
        layer = self.plain
        batches = int(np.prod(layer.batches.lengths))
        fours, ones = divmod(layer.columns, _COLUMNS)
        pairs, odd = divmod(layer.depth, 2)
        return {
            "rows": batches,
            "pairs": batches * pairs,
            "odd_values": batches * odd,
            "fours": batches * fours,
            "four_pairs": batches * fours * pairs,
            "four_odd_values": batches * fours * odd,
            "ones": batches * ones,
            "one_products": batches * ones * layer.depth,
        }

    def call(self, arguments: Arguments) -> str:
        """Return the loop over batches."""
        layer = self.plain
        fields = {
            "depth": layer.depth,
            "columns": layer.columns,
            "row_zero_point": layer.lhs_zero_point,
            "matrix_zero_point": layer.rhs_zero_point,
            **(product_numbers(layer) or {}),
            "shift": -layer.output.shift,
        }
        left, right = arguments.inputs
        body = [
            "mcu_slm_dsp_row_product(&layer, lhs, rhs, target, pairs);",
            f"target += {layer.columns};",
        ]
        return "\n".join(
            [
                *constant_struct("mcu_slm_row_product_t", "layer", fields),
                f"uint32_t *pairs = (uint32_t *)(void *)({arguments.scratch});",
                f"int8_t *target = {arguments.outputs[0]};",
                "",
                *batch_loops(layer, left, right, body),
            ]
        )


def of_batch_matmul(plain: BatchMatMul) -> RowProduct | None:
    """Return the layer for this kernel, None where it is another product."""
    if plain.rows > 1 or plain.adj_y or product_numbers(plain) is None:
        return None
    return RowProduct(plain)
