"""SQUEEZE: drops the named axes of length 1, or all of them when none is named; no byte moves."""

from __future__ import annotations

from mcu_slm.ops.base import PLAIN_TYPES, NodeView
from mcu_slm.ops.folding import Fold, by_reference
from mcu_slm.ops.joined_rows import axis_of
from mcu_slm.ops.reshape import QUANTIZED_TYPES, Reshape, same_bytes
from mcu_slm.ops.strided_copy import expect_shape


def parse(view: NodeView) -> Reshape:
    """Check a SQUEEZE node."""
    view.expect_count((1,))
    shape = view.input(0).shape
    dropped = {axis_of(view, int(axis), len(shape)) for axis in _named(view)}
    dropped = dropped or {axis for axis, length in enumerate(shape) if length == 1}
    for axis in sorted(dropped):
        view.require(shape[axis] == 1, f"axis {axis} has length {shape[axis]}", "1")
    expect_shape(view, view.output(), [n for axis, n in enumerate(shape) if axis not in dropped])
    return same_bytes(view)


def _named(view: NodeView) -> tuple[int, ...]:
    """Return the axes that the file names; an absent list means the same as an empty one."""
    return tuple(view.node.options.get("squeeze_dims") or ())


RUNS = (*QUANTIZED_TYPES, *PLAIN_TYPES)
FOLD = Fold(("int8", *PLAIN_TYPES), by_reference(parse))
