"""PADV2: PAD with a value of the model's choice: a constant third input at the output's scale."""

from __future__ import annotations

from mcu_slm.ops import pad
from mcu_slm.ops.base import NodeView


def parse(view: NodeView) -> pad.Pad:
    """Check a PADV2 node."""
    return pad.parse(view)
