"""Joining tensors into one and dealing one out to several: rows move, values do not change.

Along an axis every tensor is [outer, row]: an output row of a join is one row of each input after
another, and dealing is the reverse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator
from mcu_slm.ops.features import FEW_BYTES, Features, copied, joined


@dataclass(frozen=True, eq=False)
class JoinedRows(Operator):
    """Rows of several inputs joined.

    `row_bytes[i]` is what input i adds to each of `outer` output rows.
    """

    kernels = ("copy_rows_s8",)

    outer: int
    row_bytes: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """All inputs."""
        return tuple(range(len(self.row_bytes)))

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Join the rows; a constant is the same in all windows."""
        windows = max(x.shape[0] for x in inputs)
        rows = [
            np.broadcast_to(x.reshape(x.shape[0], self.outer, size), (windows, self.outer, size))
            for x, size in zip(inputs, self.row_bytes, strict=True)
        ]
        return [np.concatenate(rows, axis=2).reshape((windows, *self.output_shape))]

    def features(self) -> Features:
        """Return rows and the bytes of each."""
        return copied_rows(self.outer, self.row_bytes)

    def call(self, arguments: Arguments) -> str:
        """Return one copy per input: rows, bytes per row, source step, target step."""
        total, target = sum(self.row_bytes), arguments.outputs[0]
        offsets = accumulate(self.row_bytes, initial=0)
        return "\n".join(
            f"mcu_slm_copy_rows_s8("
            f"{self.outer}, {size}, {source}, {size}, {_at(target, offset)}, {total});"
            for source, size, offset in zip(arguments.inputs, self.row_bytes, offsets, strict=False)
        )


@dataclass(frozen=True, eq=False)
class DealtRows(Operator):
    """Rows of one input dealt out; output i gets `row_bytes[i]` of each of `outer` rows."""

    kernels = ("copy_rows_s8",)

    position: int
    outer: int
    row_bytes: tuple[int, ...]
    output_shapes: tuple[tuple[int, ...], ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """The data, beside which a node may have constants."""
        return (self.position,)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Cut the rows."""
        rows = inputs[0].reshape(inputs[0].shape[0], self.outer, -1)
        parts = np.split(rows, list(accumulate(self.row_bytes))[:-1], axis=2)
        return [
            part.reshape((-1, *shape))
            for part, shape in zip(parts, self.output_shapes, strict=True)
        ]

    def features(self) -> Features:
        """Return rows and the bytes of each."""
        return copied_rows(self.outer, self.row_bytes)

    def call(self, arguments: Arguments) -> str:
        """Return one copy per output: rows, bytes per row, source step, target step."""
        total, source = sum(self.row_bytes), arguments.inputs[0]
        offsets = accumulate(self.row_bytes, initial=0)
        return "\n".join(
            f"mcu_slm_copy_rows_s8("
            f"{self.outer}, {size}, {_at(source, offset)}, {total}, {target}, {size});"
            for target, size, offset in zip(
                arguments.outputs, self.row_bytes, offsets, strict=False
            )
        )


def copied_rows(rows: int, row_bytes: Sequence[int]) -> Features:
    """Return what copies of some widths cost; short rows are copied without memcpy."""
    found: Features = {"copiers": len(row_bytes), "rows": rows * len(row_bytes)}
    for count in row_bytes:
        short = count < FEW_BYTES
        found = joined(found, {"short_bytes": rows * count} if short else copied(rows, count))
    return found


def _at(pointer: str, offset: int) -> str:
    return f"{pointer} + {offset}" if offset else pointer


def axis_of(view: NodeView, axis: int, rank: int) -> int:
    """Return an axis counted from the front; a negative one counts from the end."""
    view.require(-rank <= axis < rank, f"axis {axis}", f"an axis of rank {rank}")
    return axis % rank


def deal(view: NodeView, position: int, axis: int, shapes: Sequence[tuple[int, ...]]) -> DealtRows:
    """Check the outputs against the shapes they must have and return the operator."""
    source = view.input(position)
    for number, shape in enumerate(shapes):
        output = view.output(number)
        view.require(output.shape == shape, f"{output.name} has shape {output.shape}", str(shape))
        view.require_same_type(source, output)
    outer = math.prod(source.shape[:axis])
    row_bytes = tuple(math.prod(shape) // outer for shape in shapes)
    return DealtRows(position, outer, row_bytes, tuple(shapes))
