"""STRIDED_SLICE: every n-th index from begin to end along each axis, backwards for n < 0.

Masks, one bit per axis: `begin_mask` and `end_mask` replace a bound by the end of the axis,
`shrink_axis_mask` takes one index and drops the axis. Negative bounds count from the end; bounds
beyond the axis are clamped. At most four axes, as in the judge.
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

MAX_RANK = 4


def parse(view: NodeView) -> StridedCopy:
    """Check a STRIDED_SLICE node."""
    view.expect_count((4,))
    source, output = moved_tensor(view)
    rank = expect_rank(view, source, MAX_RANK)
    _refuse_what_the_judge_ignores(view)
    begins, ends, strides = (integers(view, position) for position in (1, 2, 3))
    view.require(
        len(begins) == len(ends) == len(strides) == rank,
        f"{len(begins)} begins, {len(ends)} ends, {len(strides)} strides",
        f"{rank}, one per axis",
    )
    walks = [
        _walk(view, axis, source.shape[axis], bounds)
        for axis, bounds in enumerate(zip(begins, ends, strides, strict=True))
    ]
    shrunk = int(view.option("shrink_axis_mask", 0))
    expect_shape(view, output, [len(w) for axis, w in enumerate(walks) if not shrunk >> axis & 1])
    x = layout(source)
    moved = x[tuple(_as_slice(walk) for walk in walks)]
    facts = ", ".join(f"{w.start}:{w.stop}:{w.step}" for w in walks)
    return strided_copy(x, moved, output.shape, f"x[{facts}]")


def _refuse_what_the_judge_ignores(view: NodeView) -> None:
    for name in ("ellipsis_mask", "new_axis_mask", "offset"):
        value = int(view.option(name, 0))
        if value:
            view.unsupported(
                f"{name} is {value}",
                "0: the judge ignores it",
                "Give begin and end for every axis, and insert axes with RESHAPE.",
            )


def _walk(view: NodeView, axis: int, length: int, bounds: tuple[int, int, int]) -> range:
    """Return the indices along one axis.

    Source: behaviour of TensorFlow Lite's StartForAxis and StopForAxis.
    """
    begin, end, stride = bounds
    view.require(stride != 0, f"axis {axis}: stride 0", "any other stride")
    lowest, highest = (0, length) if stride > 0 else (-1, length - 1)

    def bound(index: int, mask: str, default: int) -> int:
        if int(view.option(mask, 0)) >> axis & 1:
            return default
        return min(max(index + length if index < 0 else index, lowest), highest)

    first = bound(begin, "begin_mask", 0 if stride > 0 else length - 1)
    if int(view.option("shrink_axis_mask", 0)) >> axis & 1:
        view.require(
            stride > 0 and 0 <= first < length, f"axis {axis}: index {begin}", f"one of {length}"
        )
        return range(first, first + 1)
    walk = range(first, bound(end, "end_mask", length if stride > 0 else -1), stride)
    view.require(len(walk) > 0, f"axis {axis}: {begin} to {end} is empty", "one index or more")
    return walk


def _as_slice(walk: range) -> slice:
    """Return the slice of a walk; one that ends before index 0 has no stop in NumPy's notation."""
    stop = walk.stop if walk.stop >= 0 else None
    return slice(walk.start, stop, walk.step)


FOLD = Fold(("bool", "int32", "float32"), by_reference(parse))
