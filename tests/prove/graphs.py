"""`graph(seed, number)`: a random valid graph that those two numbers determine."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import Graph
from tests.prove.draft import Draft
from tests.prove.families import MAKERS, streams

MOST_OPERATORS = 12

_STREAMS = sorted(streams.MAKERS)
_OTHERS = sorted(set(MAKERS) - set(_STREAMS))
_IN_STREAMS = sorted(set(MAKERS) - {"UNIDIRECTIONAL_SEQUENCE_LSTM"})


def graph(seed: int, number: int) -> Graph:
    """Return graph `number` of a seed: one to twelve operators, any of those with a maker."""
    rng = np.random.default_rng((seed, number))
    operators = int(rng.integers(1, MOST_OPERATORS + 1))
    draft = Draft(rng, operators, f"random graph {number} of seed {seed}")
    while draft.room > 0 or not draft.results:
        op = draft.pick(_names(draft))
        MAKERS[op](draft, op)
    return draft.build()


def _names(draft: Draft) -> list[str]:
    """Return the operators to choose from; a stream has many that keep state."""
    if not draft.states.streaming:
        return _OTHERS
    return _STREAMS if draft.chance(0.5) else _IN_STREAMS
