"""BATCH_MATMUL in blocks of widened rows and columns (`dsp_operands`, `dsp_bmm`).

Both sides are computed, so both are widened at run time, less their zero points; the rows count
twice. For x = 2 * sum and a right shift of e the judge's roundings are, exactly:

    y = saturate_s8((z * 2^e + 2^(e-1) + (x >> 31) + round(x * m / 2^32)) >> e)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments, GeneratedKernel
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features, joined
from mcu_slm.ops.matrices import Matrices, walk_lines
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX

_SIDE_BYTES = 2048
"""Working memory of a side, about."""

_BANK = 16
"""Pairs of values of two rows that the floating-point registers hold."""


@dataclass(frozen=True)
class ProductText:
    """The holes of `kernels/dsp/dsp_bmm.[ch].j2`."""

    name: str
    guard: str
    indent: str
    words: int
    chunks: int
    chunk_words: int
    shift: int
    bank: str


@dataclass(frozen=True, eq=False)
class BlockedBatchMatMul(Specialized):
    """A product of matrices; a block of some rows and columns is widened at a time."""

    kernels = ("dsp_operands",)
    activations = (0, 1)

    plain: BatchMatMul
    block_rows: int
    block_columns: int

    @property
    def _chunks(self) -> tuple[int, int]:
        """How many chunks of how many pairs: whole groups of four values."""
        groups = -(-self.plain.depth // 4)
        chunks = -(-2 * groups // _BANK)
        return chunks, 2 * -(-groups // chunks)

    @property
    def _words(self) -> int:
        chunks, words = self._chunks
        return chunks * words

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernel for this depth and shift."""
        (chunks, words), shift = self._chunks, -self.plain.output.shift
        name = f"mcu_slm_dsp_bmm_{2 * chunks * words}_{shift}"
        text = ProductText(
            name=name,
            guard=f"{name.upper()}_H",
            indent=" " * len(f"void {name}("),
            words=chunks * words,
            chunks=chunks,
            chunk_words=words,
            shift=shift,
            bank=", ".join(f'"s{register}"' for register in range(2 * words)),
        )
        return (GeneratedKernel(name, "dsp/dsp_bmm", text),)

    @property
    def scratch_bytes(self) -> int:
        """Widened rows and columns of a block."""
        return 4 * self._words * (self.block_rows + self.block_columns)

    def clearance(self, position: int) -> int | None:
        """A batch is written when both its sides were read, if it is one block."""
        layer = self.plain
        if self.block_rows < layer.rows or self.block_columns < layer.columns:
            return None
        ends = layer.target.ends(layer.lengths, layer.rows, layer.columns).max(axis=1)
        earlier = np.concatenate([[0], np.maximum.accumulate(ends)[:-1]])
        sides = ((layer.lhs, layer.rows), (layer.rhs, layer.columns))
        side, vectors = sides[position]
        return clearance(earlier, side.lowest(layer.lengths, vectors, layer.depth))

    def features(self) -> Features:
        """Return what is widened, and tiles of two rows by four columns."""
        layer, words = self.plain, self._words
        batches = layer.times
        row_blocks = _block_lengths(layer.rows, self.block_rows)
        column_blocks = _block_lengths(layer.columns, self.block_columns)
        found: Features = {"batches": batches, "column_blocks": batches * len(column_blocks)}
        for columns in column_blocks:
            found = joined(found, self._widened_columns(columns, batches))
            for rows in row_blocks:
                whole, rest = columns // 4, min(columns % 4, 1) * rows
                pairs = -(-rows // 2) * (whole > 0) + rest
                tiles = -(-rows // 2) * whole + rest
                counts = {
                    "products": 1,
                    "runs": (whole > 0) * (1 + rows % 2) + rest,
                    "row_pairs": pairs,
                    "tiles": tiles,
                    "tile_words": tiles * words,
                    "loaded_words": (tiles if self._chunks[0] > 1 else pairs) * words,
                    "chunks": tiles * self._chunks[0] * (self._chunks[0] > 1),
                    "aside_rows": rest,
                    "aside_outputs": rest * (columns % 4),
                }
                scaled: Features = {name: batches * count for name, count in counts.items()}
                found = joined(found, scaled, self._widened_rows(rows, batches))
        return found

    def _widened_rows(self, rows: int, times: int) -> Features:
        """Return pairs of rows that are widened, whole words or value by value."""
        pairs = times * -(-rows // 2)
        is_whole = self.plain.lhs.value_step == 1 and self.plain.depth == 2 * self._words
        kind = "whole" if is_whole else "gathered"
        found: Features = {"widened_rows": pairs, f"{kind}_row_words": pairs * self._words}
        return found if is_whole else joined(found, self._gathered(2 * pairs))

    def _widened_columns(self, columns: int, times: int) -> Features:
        """Return quads of columns that are widened, sorted or gathered."""
        rhs = self.plain.rhs
        is_walked = 1 in (rhs.value_step, rhs.vector_step)
        is_whole = is_walked and self.plain.depth == 2 * self._words
        quads = times * (columns // 4 if is_whole else 0)
        others = times * -(-columns // 4) - quads
        missing = times * (-columns % 4)
        kind = "widened" if rhs.value_step == 1 else "sorted"
        found: Features = {
            f"{kind}_quads": quads,
            f"{kind}_quad_words": quads * self._words,
            "gathered_quads": others,
        }
        return joined(found, self._gathered(4 * others - missing), self._gathered(missing, 0))

    def _gathered(self, vectors: int, depth: int | None = None) -> Features:
        """Return vectors that are put together value by value; `depth` 0: there is none."""
        values = 2 * self._words
        there = min(self.plain.depth if depth is None else depth, values)
        return {
            "gathered_words": vectors * self._words // 2,
            "gathered_values": vectors * there,
            "missing_values": vectors * (values - there),
        }

    def call(self, arguments: Arguments) -> str:
        """Return the loops over batches and blocks."""
        layer = self.plain
        quads_at = 4 * self._words * self.block_rows
        products = {**(product_numbers(layer) or {}), "columns": layer.target.vector_step}
        return "\n".join(
            [
                *constant_struct("mcu_slm_operand_t", "left", self._left()),
                *constant_struct("mcu_slm_operand_t", "right", self._right()),
                *constant_struct("mcu_slm_products_t", "products", products),
                f"uint32_t *rows = (uint32_t *)(void *)({arguments.scratch});",
                f"uint32_t *quads = (uint32_t *)(void *)({arguments.scratch} + {quads_at});",
                "",
                *batch_loops(layer, arguments, self._blocks("lhs", "rhs")),
            ]
        )

    def _left(self) -> dict[str, object]:
        return self._operand(self.plain.lhs, self.plain.lhs_zero_point)

    def _right(self) -> dict[str, object]:
        return self._operand(self.plain.rhs, self.plain.rhs_zero_point)

    def _operand(self, side: Matrices, zero_point: int) -> dict[str, object]:
        return {
            "depth": self.plain.depth,
            "words": self._words,
            "vector_step": side.vector_step,
            "depth_step": side.value_step,
            "zero_point": zero_point,
        }

    def _blocks(self, left: str, right: str) -> list[str]:
        """Return the loops over columns and rows of one product."""
        layer, name = self.plain, self.generated[0].name
        widen_rows, widen_quads = "mcu_slm_dsp_operand_rows", "mcu_slm_dsp_operand_quads"
        if self.block_rows >= layer.rows and self.block_columns >= layer.columns:
            return [
                f"{widen_rows}(&left, {left}, {layer.rows}, rows);",
                f"{widen_quads}(&right, {right}, {layer.columns}, quads);",
                f"{name}(&products, rows, {layer.rows}, quads, {layer.columns}, target);",
            ]
        left_step, right_step = layer.lhs.vector_step, layer.rhs.vector_step
        return [
            _loop("column", layer.columns, self.block_columns),
            f"    const int32_t columns_left = {layer.columns} - column;",
            f"    const int32_t columns = {_least('columns_left', self.block_columns)};",
            "",
            f"    {widen_quads}(&right, {right} + column * {right_step}, columns, quads);",
            "    " + _loop("row", layer.rows, self.block_rows),
            f"        const int32_t rows_left = {layer.rows} - row;",
            f"        const int32_t count = {_least('rows_left', self.block_rows)};",
            "",
            f"        {widen_rows}(&left, {left} + row * {left_step}, count, rows);",
            f"        {name}(&products, rows, count, quads, columns,",
            f"            target + row * {layer.target.vector_step} + column);",
            "    }",
            "}",
        ]


def product_numbers(plain: BatchMatMul) -> dict[str, object] | None:
    """Return multiplier and offset of twice the sums, None where they would not fit 32 bits."""
    shift = -plain.output.shift
    if shift < 1:
        return None
    left, right = (
        max(INT8_MAX - zero_point, zero_point - INT8_MIN)
        for zero_point in (plain.lhs_zero_point, plain.rhs_zero_point)
    )
    most = 2 * plain.depth * left * right
    offset = (plain.output_zero_point << shift) + (1 << (shift - 1))
    if most > INT32_MAX or most // 2 + abs(offset) + 1 > INT32_MAX:
        return None
    return {"multiplier": plain.output.multiplier, "offset": offset}


def of_batch_matmul(plain: BatchMatMul) -> BlockedBatchMatMul | None:
    """Return the layer for these kernels, None where their sums would not fit 32 bits."""
    if product_numbers(plain) is None:
        return None
    vector_bytes = 8 * -(-plain.depth // 4)
    most_vectors = max(_SIDE_BYTES // vector_bytes // 4, 1) * 4
    return BlockedBatchMatMul(
        plain,
        min(most_vectors, plain.rows + plain.rows % 2),
        min(most_vectors, -(-plain.columns // 4) * 4),
    )


def _block_lengths(count: int, block: int) -> list[int]:
    return [min(block, count - first) for first in range(0, count, block)]


def _loop(name: str, end: int, step: int) -> str:
    return f"for (int32_t {name} = 0; {name} < {end}; {name} += {step}) {{"


def _least(name: str, limit: int) -> str:
    return f"{name} < {limit} ? {name} : {limit}"


def batch_loops(layer: BatchMatMul, arguments: Arguments, body: list[str]) -> list[str]:
    """Return the loops over those batch axes that are longer than 1 around the body.

    The body finds its sides at `lhs` and `rhs`, its output at `target`.
    """
    left, right = arguments.inputs
    walks = (
        ("const int8_t *lhs", layer.lhs, left),
        ("const int8_t *rhs", layer.rhs, right),
        ("int8_t *target", layer.target, arguments.outputs[0]),
    )
    return walk_lines(layer.lengths, walks, body)
