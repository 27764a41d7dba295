"""Layers write their parts of a joined tensor where they belong, instead of being copied.

Attention heads that were computed one by one are joined by a CONCATENATION, as are both directions
of a recurrent layer. A product can write rows with a step between them, and so can a recurrent
layer, so each writes its columns of the joined tensor.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import numpy as np

from mcu_slm.ops import Operator
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.joined_rows import JoinedRows
from mcu_slm.ops.joining import Joining
from mcu_slm.ops.reshape import Reshape
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.passes.attention import Attention
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.matmul_walks import walk_through, written_at
from mcu_slm.quant import Int64


def join_in_place(draft: Draft) -> Draft:
    """Return the draft without CONCATENATION of matrix products."""
    for step in draft.steps:
        if isinstance(step.operator, JoinedRows):
            draft = _joined(draft, step) or draft
    return draft


def _joined(draft: Draft, join: Step) -> Draft | None:
    """Return the draft in which the layers before a CONCATENATION do its work, None if not all can.

    The first in order begins the joined tensor, each later one continues it.
    """
    parts: dict[int, Joining] = {}
    gone = {draft.writers[join.node.outputs[0]]}
    for tensor, places in zip(join.reads, _places(join.operator), strict=True):
        chain = _chain(draft, tensor)
        layer = None if not chain else _writing(draft.steps[chain[0]].operator, places, join)
        if layer is None or chain[0] in parts:
            return None
        parts[chain[0]] = Joining(layer, places, follows=False)
        gone.update(chain[1:])
    steps, before = dict(enumerate(draft.steps)), tuple[int, ...]()
    for place in sorted(parts):
        output = join.node.outputs[0]
        if place != max(parts):
            so_far = replace(draft.graph.tensor(output), name=f"{_name(draft, output)}/{place}")
            draft, output = draft.with_tensor(so_far)
        operator = replace(parts[place], follows=bool(before))
        node = replace(steps[place].node, inputs=(*steps[place].reads, *before), outputs=(output,))
        steps[place] = replace(steps[place], node=node, operator=operator)
        before = (output,)
    merged = (*steps[place].merged, draft.layer_name(draft.steps[place]), *join.merged)
    steps[place] = replace(steps[place], source=join.source, merged=merged)
    return draft.with_steps([steps[place] for place in sorted(steps) if place not in gone])


def _name(draft: Draft, tensor: int) -> str:
    return draft.graph.tensor(tensor).name


def _places(join: Operator) -> list[Int64]:
    """Return for each input where its elements stand in the output."""
    assert isinstance(join, JoinedRows)
    rows = np.arange(join.outer)[:, None] * sum(join.row_bytes)
    starts = accumulate(join.row_bytes, initial=0)
    return [
        (rows + start + np.arange(size)).reshape(-1)
        for start, size in zip(starts, join.row_bytes, strict=False)
    ]


def _chain(draft: Draft, tensor: int) -> list[int]:
    """Return the step that makes a tensor, then those that reshape it; none if others read it."""
    found: list[int] = []
    while draft.only_reader(tensor) is not None and tensor in draft.writers:
        found.insert(0, draft.writers[tensor])
        step = draft.steps[found[0]]
        if not isinstance(step.operator, Reshape):
            return found
        tensor = step.reads[0]
    return []


def _writing(operator: Operator, places: Int64, join: Step) -> Operator | None:
    """Return the layer with its outputs at some places of the joined tensor, None if it cannot."""
    assert isinstance(join.operator, JoinedRows)
    if isinstance(operator, Attention):
        last = _writing(operator.whole[2], places, join)
        return operator.with_last(last) if isinstance(last, BatchMatMul) else None
    if isinstance(operator, Lstm):
        moved = written_at(operator, places)
        return moved and replace(moved, output_shape=join.operator.output_shape)
    if not isinstance(operator, BatchMatMul):
        return None
    written = operator.target.places(operator.lengths, operator.rows, operator.columns)
    shape = (-1, operator.rows, operator.columns)
    target = walk_through(operator.lengths, places[written].reshape(shape))
    if target is None or target.value_step != 1:
        return None
    return replace(operator, target=target, output_shape=join.operator.output_shape)
