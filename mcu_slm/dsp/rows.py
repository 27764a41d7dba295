"""FULLY_CONNECTED for one row, or a few: each is widened once (`dsp_row`) for all weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.dsp.counts import of_form
from mcu_slm.dsp.gemm import gemv_kernel
from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features

MOST_ROWS = 3
"""Four rows fill a quad: then the other kernel has less to load."""

_BLOCK = 4
"""Pairs of channels that the kernel does together."""


@dataclass(frozen=True, eq=False)
class RowProducts(Specialized):
    """Each of a few rows times a matrix.

    `in_pairs`: the channels are done two at a time by what all such layers share, without a kernel
    for blocks of them.
    """

    kernels = ("dsp_row",)

    matrix: Matrix
    rows: int
    tuning: Tuning
    in_pairs: bool = False

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernel for blocks of channels, if there are so many."""
        return (gemv_kernel(self.matrix, self.tuning),) if self._blocks else ()

    @property
    def _blocks(self) -> int:
        return 0 if self.in_pairs else self.matrix.channels // (2 * _BLOCK)

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.matrix.shift

    def with_shift(self, shift: int) -> RowProducts | None:
        """Return the layer with another last shift, None where that cannot be proved."""
        matrix = self.matrix.with_shift(shift)
        if matrix is None or matrix.scale_step != self.matrix.scale_step:
            return None
        return replace(self, matrix=matrix)

    def constants(self) -> tuple[Constant, ...]:
        """Return the matrix."""
        return self.matrix.constants(1 if self.in_pairs else _BLOCK)

    @property
    def scratch_bytes(self) -> int:
        """One widened row."""
        return 2 * self.matrix.depth

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is read whole before any of its outputs is written."""
        rows = np.arange(self.rows)
        return clearance(rows * self.matrix.channels, rows * self._row_bytes)

    @property
    def _row_bytes(self) -> int:
        return int(self.plain.linear.weights[0].size)

    def features(self) -> Features:
        """Return rows, blocks of eight channels with their products, and what is left."""
        rows, depth = self.rows, self.matrix.depth // 2
        loose = self.matrix.channels - 2 * _BLOCK * self._blocks
        loose_pairs = rows * -(-loose // 2)
        return {
            "rows": rows,
            "widened_words": rows * (self._row_bytes // 4),
            "widened_rests": rows * (self._row_bytes % 4 > 0),
            "loose_pairs": loose_pairs,
            "loose_products": loose_pairs * depth,
            "single_channels": rows * (loose % 2),
            **(self._in_blocks(depth) if self._blocks else {}),
        }

    def _in_blocks(self, depth: int) -> Features:
        """Return blocks of eight channels with their products."""
        shape, rows, blocks = self.generated[0].values, self.rows, self.rows * self._blocks
        return {
            "block_rows": rows,
            "blocks": blocks,
            "block_pairs": blocks * depth,
            "loaded_pairs": (blocks if shape.chunks else rows) * depth,
            "chunks": blocks * shape.chunks,
            **of_form(self.matrix, "blocks", blocks),
        }

    def call(self, arguments: Arguments) -> str:
        """Return the loop over the rows."""
        depth, channels = self._row_bytes, self.matrix.channels
        made, few = self.generated, "mcu_slm_dsp_multiply_pairs(&matrix, row, matrix.weights, 0, "
        kernel = f"{made[0].name}(&matrix, row, " if made else few
        source, target = arguments.inputs[0], arguments.outputs[0]
        fields = self.matrix.fields(arguments.constants)
        lines = [
            *constant_struct("mcu_slm_matrix_t", "matrix", fields),
            f"uint32_t *row = (uint32_t *)(void *)({arguments.scratch});",
            "",
        ]
        if self.rows == 1:
            lines.append(f"mcu_slm_dsp_widen_row({source}, {depth}, row);")
            return "\n".join([*lines, f"{kernel}{target});"])
        return "\n".join(
            [
                *lines,
                f"for (int32_t i = 0; i < {self.rows}; i++) {{",
                f"    mcu_slm_dsp_widen_row({source} + i * {depth}, {depth}, row);",
                f"    {kernel}{target} + i * {channels});",
                "}",
            ]
        )
