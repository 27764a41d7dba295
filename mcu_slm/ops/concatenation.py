"""CONCATENATION along one axis.

Every input is [outer, own length, inner] and is copied in rows; scales must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator


@dataclass(frozen=True, eq=False)
class Concatenation(Operator):
    """Rows of several inputs joined.

    `row_bytes[i]` is what input i adds to each of `outer` output rows.
    """

    kernels = ("copy_rows_s8",)

    axis: int
    outer: int
    row_bytes: tuple[int, ...]
    positions: tuple[int, ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """All inputs."""
        return self.positions

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Join along the axis behind the axis of windows."""
        windows = max(x.shape[0] for x in inputs)
        widened = [np.broadcast_to(x, (windows, *x.shape[1:])) for x in inputs]
        return [np.concatenate(widened, axis=self.axis + 1)]

    def call(self, arguments: Arguments) -> str:
        """Return one copy per input: rows, bytes per row, source step, target step."""
        total = sum(self.row_bytes)
        lines, offset = [], 0
        for source, size in zip(arguments.inputs, self.row_bytes, strict=True):
            target = arguments.outputs[0] + (f" + {offset}" if offset else "")
            lines.append(
                f"mcu_slm_copy_rows_s8({self.outer}, {size}, {source}, {size}, {target}, {total});"
            )
            offset += size
        return "\n".join(lines)


def parse(view: NodeView) -> Concatenation:
    """Check a CONCATENATION node."""
    output = view.output()
    sources = [view.input(i) for i in range(len(view.node.inputs))]
    view.require(len(sources) > 0, "no input", "one or more")
    if view.option("fused_activation_function", "NONE") != "NONE":
        view.unsupported("a fused activation", "none")
    rank = len(output.shape)
    axis = int(view.option("axis"))
    view.require(-rank <= axis < rank, f"axis {axis}", f"an axis of rank {rank}")
    axis %= rank
    for source in sources:
        view.same_quantization(source, output)
        rest = source.shape[:axis] + source.shape[axis + 1 :]
        fits = len(source.shape) == rank and rest == output.shape[:axis] + output.shape[axis + 1 :]
        view.require(
            fits, f"{source.name} has shape {list(source.shape)}", f"as {list(output.shape)}"
        )
    total = sum(source.shape[axis] for source in sources)
    view.require(total == output.shape[axis], f"inputs add up to {total}", str(output.shape[axis]))
    outer = int(np.prod(output.shape[:axis], dtype=np.int64))
    row_bytes = tuple(source.element_count // outer for source in sources)
    return Concatenation(axis, outer, row_bytes, tuple(range(len(sources))))
