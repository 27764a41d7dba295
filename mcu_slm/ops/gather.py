"""GATHER: rows of the input along one axis, picked by constant numbers.

The first `batch_dims` axes are common to both: every batch has picks of its own. The judge does not
check the numbers, so they are checked here.

Shapes: input [batches, blocks, block rows, row], indices [batches, picks]
    -> [batches, blocks, picks, row].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.joined_rows import axis_of


@dataclass(frozen=True, eq=False)
class Gather(Operator):
    """Rows of `row_bytes`, picked by number."""

    kernels = ("gather_s8",)

    position: int
    blocks: int
    block_rows: int
    row_bytes: int
    indices: npt.NDArray[np.int32]
    output_shape: tuple[int, ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """The rows; the numbers are a constant of the layer."""
        return (self.position,)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Pick the rows of every batch."""
        batches, _ = self.indices.shape
        x = inputs[0].reshape(-1, batches, self.blocks, self.block_rows, self.row_bytes)
        picked = [x[:, batch][:, :, picks] for batch, picks in enumerate(self.indices)]
        return [np.stack(picked, axis=1).reshape((-1, *self.output_shape))]

    def constants(self) -> tuple[Constant, ...]:
        """Return the numbers."""
        return (Constant("indices", self.indices, True, "rows to pick"),)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "batches": self.indices.shape[0],
            "blocks": self.blocks,
            "block_rows": self.block_rows,
            "picks": self.indices.shape[1],
            "row_bytes": self.row_bytes,
        }
        return struct_call(
            "mcu_slm_gather_t",
            "mcu_slm_gather_s8",
            fields,
            [arguments.inputs[0], arguments.constants["indices"], arguments.outputs[0]],
        )


def parse(view: NodeView) -> Gather:
    """Check a GATHER node."""
    view.expect_count((2,))
    source, named = view.input(0), view.input(1)
    axis = axis_of(view, int(view.option("axis", 0)), len(source.shape))
    batch_dims = int(view.option("batch_dims", 0))
    batch_dims += len(named.shape) if batch_dims < 0 else 0
    view.require(
        0 <= batch_dims <= min(axis, len(named.shape))
        and source.shape[:batch_dims] == named.shape[:batch_dims],
        f"batch_dims {batch_dims} of shapes {source.shape} and {named.shape}",
        f"at most {axis} axes that both have",
    )
    shape = source.shape[:axis] + named.shape[batch_dims:] + source.shape[axis + 1 :]
    return pick(view, 0, axis, batch_dims, shape)


def pick(
    view: NodeView, position: int, axis: int, batch_dims: int, shape: tuple[int, ...]
) -> Gather:
    """Return the operator that picks rows of input `position` by the numbers in the other one.

    Args:
        view: The node, which has two inputs.
        position: Which of them holds the rows.
        axis: The axis of the rows.
        batch_dims: How many leading axes rows and numbers share.
        shape: The shape that the output must have.
    """
    source, named, output = view.input(position), view.input(1 - position), view.output()
    indices = view.constant(named, "int32")
    view.same_quantization(source, output)
    view.require(output.shape == shape, f"output shape {output.shape}", str(shape))
    rows = source.shape[axis]
    view.require(
        bool(np.all((indices >= 0) & (indices < rows))),
        f"indices from {indices.min()} to {indices.max()}",
        f"0 to {rows - 1}",
    )
    return Gather(
        position,
        math.prod(source.shape[batch_dims:axis]),
        rows,
        math.prod(source.shape[axis + 1 :]),
        indices.reshape(math.prod(named.shape[:batch_dims]), -1),
        shape,
    )
