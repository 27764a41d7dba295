"""SPLIT into equal parts along one axis: input 0 is the axis (constant), input 1 the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator


@dataclass(frozen=True, eq=False)
class Split(Operator):
    """Rows of one input dealt out to several outputs; each gets `row_bytes` of every row."""

    kernels = ("copy_rows_s8",)
    activations: ClassVar[tuple[int, ...]] = (1,)

    axis: int
    parts: int
    outer: int
    row_bytes: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Split along the axis behind the axis of windows."""
        return list(np.split(inputs[0], self.parts, axis=self.axis + 1))

    def call(self, arguments: Arguments) -> str:
        """Return one copy per output: rows, bytes per row, source step, target step."""
        total = self.parts * self.row_bytes
        lines = []
        for part, target in enumerate(arguments.outputs):
            offset = part * self.row_bytes
            source = arguments.inputs[0] + (f" + {offset}" if offset else "")
            size = self.row_bytes
            lines.append(
                f"mcu_slm_copy_rows_s8({self.outer}, {size}, {source}, {total}, {target}, {size});"
            )
        return "\n".join(lines)


def parse(view: NodeView) -> Split:
    """Check a SPLIT node."""
    parts = len(view.node.outputs)
    view.expect_count((2,), max(parts, 1))
    source = view.input(1)
    rank = len(source.shape)
    axis = int(view.constant(view.input(0), "int32").reshape(-1)[0])
    view.require(-rank <= axis < rank, f"axis {axis}", f"an axis of rank {rank}")
    axis %= rank
    view.require(
        source.shape[axis] % parts == 0,
        f"{source.shape[axis]} elements in {parts} parts",
        "equal parts",
    )
    expected = (*source.shape[:axis], source.shape[axis] // parts, *source.shape[axis + 1 :])
    for position in range(parts):
        output = view.output(position)
        view.require(
            output.shape == expected, f"{output.name} has shape {output.shape}", str(expected)
        )
        view.same_quantization(source, output)
    outer = int(np.prod(source.shape[:axis], dtype=np.int64))
    return Split(axis, parts, outer, source.element_count // outer // parts)
