"""ARG_MIN over one constant axis: the number of the smallest byte, of the first among equals."""

from __future__ import annotations

from mcu_slm.ops.arg_max import ArgExtremum, parse_arg_extremum
from mcu_slm.ops.base import NodeView

RUNS = ("int8 -> int32",)


def parse(view: NodeView) -> ArgExtremum:
    """Check an ARG_MIN node."""
    return parse_arg_extremum(view, larger=False)
