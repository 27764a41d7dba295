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
from mcu_slm.ops.clearance import clearance
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
        columns = np.arange(0, layer.columns, _COLUMNS if position else layer.columns)
        written = (columns + _COLUMNS).clip(max=layer.columns) if position else layer.columns
        starts = (layer.lhs, layer.rhs)[position].starts(layer.lengths)
        needed = (starts[:, None] + columns).reshape(-1)  # steps within are positive
        ends = (layer.target.starts(layer.lengths)[:, None] + written).reshape(-1)
        return clearance(np.concatenate([[0], np.maximum.accumulate(ends)[:-1]]), needed)

    def features(self) -> Features:
        """Return rows, their values, and columns, four at a time or one by one."""
        layer = self.plain
        batches = layer.times
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
        body = ["mcu_slm_dsp_row_product(&layer, lhs, rhs, target, pairs);"]
        return "\n".join(
            [
                *constant_struct("mcu_slm_row_product_t", "layer", fields),
                f"uint32_t *pairs = (uint32_t *)(void *)({arguments.scratch});",
                "",
                *batch_loops(layer, arguments, body),
            ]
        )


def of_batch_matmul(plain: BatchMatMul) -> RowProduct | None:
    """Return the layer for this kernel, None where it is another product."""
    lies_plainly = plain.lhs.value_step == 1 and plain.rhs.vector_step == 1
    follows = plain.rhs.value_step == plain.columns
    if plain.rows > 1 or not (lies_plainly and follows) or product_numbers(plain) is None:
        return None
    return RowProduct(plain)
