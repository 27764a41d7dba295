"""`graph(seed, number)`: a random valid graph that those two numbers determine."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph
from tests.prove.draft import Draft
from tests.prove.families import MAKERS

MOST_OPERATORS = 12

_NAMES = sorted(MAKERS)


def graph(seed: int, number: int) -> Graph:
    """Return graph `number` of a seed: one to twelve operators, any of those with a maker."""
    rng = np.random.default_rng((seed, number))
    operators = int(rng.integers(1, MOST_OPERATORS + 1))
    draft = Draft(rng, operators, f"random graph {number} of seed {seed}")
    while draft.room > 0:
        op = draft.pick(_NAMES)
        MAKERS[op](draft, op)
    return draft.build()
