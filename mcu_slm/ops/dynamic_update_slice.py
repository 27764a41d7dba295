"""DYNAMIC_UPDATE_SLICE: the input with a box of it replaced; where it starts may come at run time.

A start beyond the last place where the box fits counts as that place, one below 0 as 0, as in the
judge. Scales must agree; at most five axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Activations, Arguments, Constant, NodeView, Operator, struct_call
from mcu_slm.ops.broadcast import braces
from mcu_slm.ops.strided_copy import expect_rank, expect_shape

MAX_RANK = 5


@dataclass(frozen=True, eq=False)
class UpdatedSlice(Operator):
    """A copy of `shape` with a box of shape `box`; `starts` is None where they come at run time."""

    kernels = ("dynamic_update_slice_s8",)

    shape: tuple[int, ...]
    box: tuple[int, ...]
    starts: npt.NDArray[np.int32] | None

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """The input and the box, and the start unless it is a constant of the layer."""
        return (0, 1) if self.starts is not None else (0, 1, 2)

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Copy, then replace the box of every window."""
        windows = max(len(x) for x in inputs)
        y = np.broadcast_to(inputs[0], (windows, *self.shape)).copy()
        box = np.broadcast_to(inputs[1], (windows, *self.box))
        starts = self.starts[None] if self.starts is not None else inputs[2]
        starts = np.clip(starts, 0, np.subtract(self.shape, self.box))
        for window, start in enumerate(np.broadcast_to(starts, (windows, len(self.shape)))):
            place = tuple(slice(s, s + n) for s, n in zip(start, self.box, strict=True))
            y[window][place] = box[window]
        return [y]

    def constants(self) -> tuple[Constant, ...]:
        """Return the start."""
        if self.starts is None:
            return ()
        return (Constant("starts", self.starts, True, "first index of the box along each axis"),)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call, with axes of length 1 in front up to five."""
        missing = MAX_RANK - len(self.shape)
        steps = tuple(math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        fields: dict[str, object] = {
            "count": math.prod(self.shape),
            "rank": len(self.shape),
            "lengths": braces((*(1,) * missing, *self.box)),
            "steps": braces((*(0,) * missing, *steps)),
            "last": braces((*(0,) * missing, *np.subtract(self.shape, self.box).tolist())),
        }
        starts = arguments.constants.get("starts")
        places = [*arguments.inputs[:2], starts or arguments.inputs[2], arguments.outputs[0]]
        kind, function = "mcu_slm_dynamic_update_slice_t", "mcu_slm_dynamic_update_slice_s8"
        return struct_call(kind, function, fields, places)


def parse(view: NodeView) -> UpdatedSlice:
    """Check a DYNAMIC_UPDATE_SLICE node."""
    view.expect_count((3,))
    source, box, starts, output = view.input(0), view.input(1), view.input(2), view.output()
    view.same_quantization(source, output)
    view.same_quantization(box, output)
    rank = expect_rank(view, source, MAX_RANK)
    view.require(rank > 0, "a scalar", "one axis or more")
    expect_shape(view, output, source.shape)
    inside = len(box.shape) == rank and all(
        n <= m for n, m in zip(box.shape, source.shape, strict=True)
    )
    view.require(inside, f"a box of shape {box.shape}", f"a part of {source.shape}")
    expect_shape(view, starts, (rank,))
    if starts.data is None:
        view.expect_type(starts, ("int32",))
        return UpdatedSlice(source.shape, box.shape, None)
    numbers = view.constant(starts, "int64" if starts.dtype == "int64" else "int32")
    clipped = np.clip(numbers, 0, np.subtract(source.shape, box.shape))
    return UpdatedSlice(source.shape, box.shape, clipped.astype(np.int32))
