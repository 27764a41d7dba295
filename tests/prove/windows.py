"""Windows for random graphs: corners and noise that mean something to every input."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph
from mcu_slm.rows import Rows, pack, unpack
from mcu_slm.verify.inputs import graph_windows

WINDOWS = 16

REAL_FACTORS = (3.0, 100.0)
"""The last windows of real numbers reach beyond the range of int8, and into that of int16."""


def windows(graph: Graph, seed: int) -> Rows:
    """Return 16 rows, corners first."""
    arrays = unpack(graph, graph.inputs, graph_windows(graph, WINDOWS, seed))
    for array in arrays:
        if array.dtype == np.float32:
            for place, factor in enumerate(REAL_FACTORS, WINDOWS - len(REAL_FACTORS)):
                array[place] *= np.float32(factor)
    return pack(graph, graph.inputs, arrays)
