"""CALL_ONCE: gives variables their start values before the first inference.

The reader has turned the subgraph that it calls into `Graph.start_values`; the generated code sets
them whenever a stream begins.
"""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.var_handle import Nothing

RUNS = ()
NOTE = "start values of variables, no code"


def parse(view: NodeView) -> Nothing:
    """Check a CALL_ONCE node; the reader has checked what it calls."""
    view.expect_count((0,), outputs=0)
    return Nothing("start values, set when a stream begins")
