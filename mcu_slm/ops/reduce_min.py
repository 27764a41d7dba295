"""REDUCE_MIN over any axes: the smallest byte, so input and output share scale and zero point."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.reduce_max import ReducedExtremum, parse_extremum


def parse(view: NodeView) -> ReducedExtremum:
    """Check a REDUCE_MIN node."""
    return parse_extremum(view, larger=False)
