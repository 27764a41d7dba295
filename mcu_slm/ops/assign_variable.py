"""ASSIGN_VARIABLE: the variable's values = x, for reads further on and in the next inference."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.read_variable import CopiedState
from mcu_slm.ops.state import variable_of


def parse(view: NodeView) -> CopiedState:
    """Check an ASSIGN_VARIABLE node."""
    view.expect_count((2,), outputs=0)
    variable_of(view, view.input(1))
    return CopiedState(view.input(1).byte_count, assigns=True)
