"""Copies that leave every byte where it is become a RESHAPE, which costs nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mcu_slm.ops import Operator
from mcu_slm.ops.joined_rows import DealtRows, JoinedRows
from mcu_slm.ops.lookup import INPUTS, Lookup
from mcu_slm.ops.pad import Pad
from mcu_slm.ops.reshape import Reshape
from mcu_slm.ops.strided_copy import StridedCopy
from mcu_slm.passes.draft import Draft, Step


def still_moves(draft: Draft) -> Draft:
    """Return the draft with a RESHAPE in place of copies that change no byte and no order."""
    return draft.with_steps([_stilled(draft, step) for step in draft.steps])


def _stilled(draft: Draft, step: Step) -> Step:
    if len(step.node.outputs) != 1 or not _moves_nothing(step.operator):
        return step
    source, target = (draft.graph.tensor(t) for t in (*step.reads[:1], step.node.outputs[0]))
    if source.data is not None or source.byte_count != target.byte_count:
        return step
    node = replace(step.node, op="RESHAPE", inputs=step.reads[:1], options={})
    return replace(step, node=node, operator=Reshape(target.shape))


def _moves_nothing(operator: Operator) -> bool:
    """Whether the outputs are the bytes of the one input, provided that both have equally many."""
    if isinstance(operator, StridedCopy):
        *outer, count = operator.lengths
        alone = math.prod(outer) == 1
        return alone and operator.offset == 0 and (operator.steps[-1] == 1 or count == 1)
    if isinstance(operator, Pad):
        return not any((*operator.before, *operator.after))
    if isinstance(operator, Lookup):
        return bool((operator.table == INPUTS).all()) and operator.table.dtype == np.int8
    return isinstance(operator, JoinedRows | DealtRows) and len(operator.row_bytes) == 1
