"""FULLY_CONNECTED for one row, or a few: each is widened once (`dsp_row`) for all weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.dsp.counts import of_form
from mcu_slm.dsp.gemv import CHANNELS, MANY_BLOCKS, gemv_kernel, panel_chunk, panels_kernel
from mcu_slm.dsp.matrix import PAIRS, Layout, Matrix
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features

MOST_ROWS = 3
"""Four rows fill a quad: then the other kernel has less to load."""

_SUMS_BYTES = 4 * CHANNELS
"""The sums of a block of channels."""


@dataclass(frozen=True, eq=False)
class RowProducts(Specialized):
    """Each of a few rows times a matrix.

    `in_pairs`: the channels are done two at a time by what all such layers share, without a kernel
    for blocks of them. `is_guest`: the kernel is there for another layer, with more blocks.
    """

    kernels = ("dsp_row",)

    matrix: Matrix
    rows: int
    tuning: Tuning
    in_pairs: bool = False
    is_guest: bool = False

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernel for blocks of channels, if there are so many."""
        if not self._blocks:
            return ()
        make = panels_kernel if self._chunk else gemv_kernel
        return (make(self.matrix, self.tuning),)

    @property
    def _blocks(self) -> int:
        return 0 if self.in_pairs else self.matrix.channels // CHANNELS

    @property
    def _chunk(self) -> int:
        """Pairs of inputs that a panel of blocks takes at a time, 0 without panels."""
        blocks = max(self._blocks, MANY_BLOCKS * self.is_guest)
        return panel_chunk(self.matrix.depth, blocks, self.tuning) if self._blocks else 0

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

    def joining(self, host: RowProducts) -> RowProducts | None:
        """Return the layer with the kernel of another one, None where that is not its own, too."""
        name = host.generated[0].name
        guest = replace(self, tuning=host.tuning, is_guest=True)
        if guest.matrix.form != host.matrix.form or self.tuning.bank >= host.tuning.bank:
            return None
        if guest.shift != host.shift:
            guest = guest.with_shift(host.shift) or guest
        return guest if guest.generated[0].name == name else None

    def constants(self) -> tuple[Constant, ...]:
        """Return the matrix."""
        if self.in_pairs:
            return self.matrix.constants(PAIRS)
        panel = self.tuning.panel if self._chunk else 1
        return self.matrix.constants(Layout(CHANNELS // 2, panel, self._chunk))

    @property
    def scratch_bytes(self) -> int:
        """One widened row, and the sums of a panel's blocks."""
        waiting = min(self._blocks, self.tuning.panel) if self._chunk else 0
        return 2 * self.matrix.depth + waiting * _SUMS_BYTES

    def without_panels(self) -> RowProducts:
        """Return the layer for a core whose inputs come from memory, beside the products."""
        return replace(self, tuning=replace(self.tuning, panel=1))

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
        loose = self.matrix.channels - CHANNELS * self._blocks
        loose_pairs = rows * -(-loose // 2)
        return {
            "rows": rows,
            "widened_fours": rows * (self._row_bytes // 16),
            "widened_words": rows * (self._row_bytes // 4 % 4),
            "widened_rests": rows * (self._row_bytes % 4 > 0),
            "loose_pairs": loose_pairs,
            "loose_products": loose_pairs * depth,
            "single_channels": rows * (loose % 2),
            **(self._in_blocks(depth) if self._blocks else {}),
        }

    def _in_blocks(self, depth: int) -> Features:
        """Return blocks of eight channels with their products."""
        rows, blocks = self.rows, self.rows * self._blocks
        if self._chunk:
            panels = rows * -(-self._blocks // self.tuning.panel)
            chunks = -(-depth // self._chunk)
            return {
                "block_rows": rows,
                "panels": panels,
                "loads": panels * chunks,
                "loaded_pairs": panels * depth,
                "blocks": blocks,
                "block_pairs": blocks * depth,
                "waits": blocks * (chunks - 1),
                "rests": panels * (depth % self._chunk > 0),
                **self._forms(blocks),
            }
        shape = self.generated[0].values
        return {
            "block_rows": rows,
            "blocks": blocks,
            "block_pairs": blocks * depth,
            "loaded_pairs": (blocks if shape.chunks else rows) * depth,
            "chunks": blocks * shape.chunks,
            **self._forms(blocks),
        }

    def _forms(self, blocks: int) -> Features:
        """Return how the sums of blocks become int8, and the words that this needs per channel."""
        words = CHANNELS * self.matrix.scale_step
        return {
            **of_form(self.matrix, "blocks", blocks),
            "loaded_numbers": blocks * words,
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
