"""Reductions over any axes: the loops over what is kept and over what is reduced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Int8, NodeView
from mcu_slm.ops.clearance import clearance, nested
from mcu_slm.quant import Int64

LOOPS = 3
"""Of either kind: kept and reduced axes alternate at most three times up to rank 6."""


@dataclass(frozen=True)
class Reduction:
    """Loops over kept and over reduced axes, outermost first, each a (length, step) pair.

    Units: steps in elements of the input.
    """

    kept: tuple[tuple[int, int], ...]
    reduced: tuple[tuple[int, int], ...]
    axes: tuple[int, ...]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def outputs(self) -> int:
        """Number of output elements."""
        return int(np.prod([length for length, _ in self.kept], dtype=np.int64))

    @property
    def count(self) -> int:
        """Number of elements that one output is made of."""
        return int(np.prod([length for length, _ in self.reduced], dtype=np.int64))

    def clearance(self) -> int:
        """Return the clearance of the input; the loops over what is kept walk the output."""
        lengths, steps = zip(*self.kept, strict=True) if self.kept else ((), ())
        return clearance(np.arange(self.outputs), nested(lengths, steps))

    def gathered(self, x: Int8) -> Int64:
        """Return int64 [windows, *output shape, count] for the NumPy reference."""
        others = [axis + 1 for axis in range(len(self.input_shape)) if axis not in self.axes]
        order = (0, *others, *(axis + 1 for axis in self.axes))
        moved = x.reshape((-1, *self.input_shape)).transpose(order)
        return moved.reshape((-1, *self.output_shape, self.count)).astype(np.int64)

    def fields(self) -> dict[str, object]:
        """Return the fields of the C parameter struct."""
        found: dict[str, object] = {}
        for name, loops in (("kept", self.kept), ("reduced", self.reduced)):
            padded = ((1, 0),) * (LOOPS - len(loops)) + loops
            for part, values in zip(("lengths", "steps"), zip(*padded, strict=True), strict=True):
                found[f"{name}_{part}"] = "{ " + ", ".join(map(str, values)) + " }"
        return found


def reduction(view: NodeView) -> Reduction:
    """Return the loops of a node whose second input names the axes.

    Neighbouring axes of one kind are merged.
    """
    view.expect_count((2,))
    source, output = view.input(0), view.output()
    rank = len(source.shape)
    named = view.constant(view.input(1), "int32").reshape(-1).tolist()
    known = len(named) > 0 and all(-rank <= axis < rank for axis in named)
    view.require(known, f"axes {named}", f"axes of rank {rank}")
    axes = tuple(sorted({axis % rank for axis in named}))
    kept = [n for axis, n in enumerate(source.shape) if axis not in axes]
    view.require(
        output.element_count == int(np.prod(kept, dtype=np.int64)), f"output shape {output.shape}"
    )
    loops: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    step, last = 1, None
    for axis in reversed(range(rank)):
        length, reduced = source.shape[axis], axis in axes
        if length == 1:
            continue
        same = loops[reduced]
        if last is reduced:
            same[0] = (same[0][0] * length, same[0][1])
        else:
            same.insert(0, (length, step))
        step, last = step * length, reduced
    if max(len(found) for found in loops.values()) > LOOPS:
        view.unsupported(f"axes {list(axes)} of rank {rank}", f"at most {LOOPS} groups of axes")
    return Reduction(tuple(loops[False]), tuple(loops[True]), axes, source.shape, output.shape)
