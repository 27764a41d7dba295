"""SLICE: a box of the input, given by the first index and the length along each axis.

A length of -1 reaches to the end. At most five axes, as in the judge, which trusts the numbers:
they are checked here.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.strided_copy import (
    StridedCopy,
    expect_rank,
    expect_shape,
    integers,
    layout,
    moved_tensor,
    strided_copy,
)

MAX_RANK = 5


def parse(view: NodeView) -> StridedCopy:
    """Check a SLICE node."""
    view.expect_count((3,))
    source, output = moved_tensor(view)
    rank = expect_rank(view, source, MAX_RANK)
    begins, sizes = integers(view, 1, wide=True), integers(view, 2, wide=True)
    types = [view.input(position).dtype for position in (1, 2)]
    view.require(types[0] == types[1], f"begin of {types[0]}, size of {types[1]}", "one type")
    view.require(
        len(begins) == len(sizes) == rank, f"{len(begins)} begins, {len(sizes)} sizes", str(rank)
    )
    box = []
    for axis, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        end = source.shape[axis] if size == -1 else begin + size
        view.require(
            0 <= begin < end <= source.shape[axis],
            f"axis {axis}: begin {begin}, size {size}",
            f"a part of {source.shape[axis]} elements",
        )
        box.append(slice(begin, end))
    expect_shape(view, output, [part.stop - part.start for part in box])
    x = layout(source)
    facts = "x[" + ", ".join(f"{part.start}:{part.stop}" for part in box) + "]"
    return strided_copy(x, x[tuple(box)], output.shape, facts)


FOLD = Fold(("bool", "int32", "float32"), by_reference(parse))
