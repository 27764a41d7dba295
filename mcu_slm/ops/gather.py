"""GATHER: rows of the input along one axis, picked by number.

The first `batch_dims` axes are common to both: every batch has picks of its own. The judge does not
check the numbers: constant ones are checked here, and numbers that come at run time count as the
nearest row where they are out of range.

Shapes: input [batches, blocks, block rows, row], indices [batches, picks]
    -> [batches, blocks, picks, row].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import Activations, Arguments, Constant, NodeView, Operator, struct_call
from mcu_slm.ops.features import Features, copied
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import axis_of


@dataclass(frozen=True, eq=False)
class Gather(Operator):
    """Rows of `row_bytes`, picked by number."""

    kernels = ("gather_s8",)

    position: int
    blocks: int
    batches: int
    block_rows: int
    picks: int
    row_bytes: int
    indices: npt.NDArray[np.int32] | None
    output_shape: tuple[int, ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """The rows, and the numbers unless they are a constant of the layer."""
        return (self.position,) if self.indices is not None else (self.position, 1 - self.position)

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Pick the rows of every window and batch."""
        numbers = inputs[1] if self.indices is None else self.indices
        chosen = np.clip(numbers, 0, self.block_rows - 1)
        chosen = chosen.reshape(-1, self.batches, 1, self.picks, 1)
        x = inputs[0].reshape(-1, self.batches, self.blocks, self.block_rows, self.row_bytes)
        return [np.take_along_axis(*_aligned(x, chosen), axis=3).reshape(-1, *self.output_shape)]

    def constants(self) -> tuple[Constant, ...]:
        """Return the numbers."""
        if self.indices is None:
            return ()
        return (Constant("indices", self.indices, True, "rows to pick"),)

    def features(self) -> Features:
        """Return the rows that are picked, and the bytes of each."""
        blocks = self.batches * self.blocks
        return {"blocks": blocks, **copied(blocks * self.picks, self.row_bytes)}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "batches": self.batches,
            "blocks": self.blocks,
            "block_rows": self.block_rows,
            "picks": self.picks,
            "row_bytes": self.row_bytes,
        }
        numbers = arguments.constants.get("indices")
        if numbers is None:
            numbers = f"(const int32_t *)(const void *){arguments.inputs[1]}"
        places = [arguments.inputs[0], numbers, arguments.outputs[0]]
        return struct_call("mcu_slm_gather_t", "mcu_slm_gather_s8", fields, places)


def _aligned(
    x: Activations, chosen: npt.NDArray[np.int32]
) -> tuple[Activations, npt.NDArray[np.int32]]:
    """Return both with as many windows: a constant stands for every window."""
    windows = max(len(x), len(chosen))
    return (
        np.broadcast_to(x, (windows, *x.shape[1:])),
        np.broadcast_to(chosen, (windows, *chosen.shape[1:])),
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
    view.require_same_type(source, output)
    view.require(output.shape == shape, f"output shape {output.shape}", str(shape))
    rows, batches = source.shape[axis], math.prod(named.shape[:batch_dims])
    return Gather(
        position,
        math.prod(source.shape[batch_dims:axis]),
        batches,
        rows,
        named.element_count // batches,
        math.prod(source.shape[axis + 1 :]),
        _constant_indices(view, named, rows),
        shape,
    )


def _constant_indices(view: NodeView, named: Tensor, rows: int) -> npt.NDArray[np.int32] | None:
    """Return the numbers in range, None for numbers that come at run time."""
    if named.dtype != "int32":
        view.unsupported(f"{named.name} has type {named.dtype}", "int32")
    if named.data is None:
        return None
    indices: npt.NDArray[np.int32] = named.data
    view.require(
        bool(np.all((indices >= 0) & (indices < rows))),
        f"indices from {indices.min()} to {indices.max()}",
        f"0 to {rows - 1}",
    )
    return indices


FOLD = Fold(("float32",), by_reference(parse))
