"""MINIMUM: the smaller of two bytes, so both operands and the output share scale and zero point."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.maximum import Extremum, parse_extremum


def parse(view: NodeView) -> Extremum:
    """Check a MINIMUM node."""
    return parse_extremum(view, larger=False)
