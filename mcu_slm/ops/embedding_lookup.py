"""EMBEDDING_LOOKUP: rows of a table, picked by number; GATHER along axis 0."""

from __future__ import annotations

from mcu_slm.ops.base import NodeView
from mcu_slm.ops.gather import Gather, pick


def parse(view: NodeView) -> Gather:
    """Check an EMBEDDING_LOOKUP node: input 0 is a vector of row numbers, input 1 the table."""
    view.expect_count((2,))
    named, table = view.input(0), view.input(1)
    view.require(len(named.shape) == 1, f"{named.name} has rank {len(named.shape)}", "1")
    view.require(len(table.shape) >= 2, f"{table.name} has rank {len(table.shape)}", "2 or more")
    return pick(view, 1, 0, 0, (*named.shape, *table.shape[1:]))
