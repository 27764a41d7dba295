"""Element-wise layers in a row become one table.

What a layer gives for an int8 element depends on that element alone if it has no other operand, a
constant scalar, or the same tensor twice. Two such layers in a row are one function of 256 inputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.ops.broadcast import BroadcastOperator
from mcu_slm.ops.lookup import INPUTS, Lookup
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.quant import INT8_MIN


def merge_tables(draft: Draft) -> Draft:
    """Return the draft with one table for each chain of element-wise layers."""
    steps: list[Step] = []
    place_of: dict[int, int] = {}  # where the step that writes a tensor stands by now
    for step in draft.steps:
        source = _subject(draft.graph, step)
        place = None if source is None else place_of.get(source)
        if source is not None and place is not None and draft.only_reader(source) is not None:
            merged = _merged(draft, steps[place], step)
            if merged is not None:
                steps[place] = merged
                place_of[step.node.outputs[0]] = place
                continue
        steps.append(step)
        for tensor in step.node.outputs:
            place_of[tensor] = len(steps) - 1
    return draft.with_steps(steps)


def _merged(draft: Draft, first: Step, second: Step) -> Step | None:
    """Return both steps as one, at the place of the first; None where one is no table."""
    source = _subject(draft.graph, first)
    if source is None:
        return None
    inner, outer = _table(draft.graph, first), _table(draft.graph, second)
    if inner is None or outer is None:
        return None
    table = outer[inner.astype(np.int64) - INT8_MIN]
    multipliers = (*first.operator.requantization(), *second.operator.requantization())
    node = replace(second.node, inputs=(source,), options={})
    operator = Lookup(draft.graph.tensor(source).element_count, table, multipliers)
    merged = (*first.merged, draft.layer_name(first), *second.merged)
    return Step(node, operator, second.source, merged)


def _subject(graph: Graph, step: Step) -> int | None:
    """Return the tensor whose elements a step maps one by one, None where it does not."""
    activations = {t for t in step.reads if graph.tensor(t).data is None}
    if len(activations) != 1 or len(step.node.outputs) != 1:
        return None
    (source,) = activations
    tensors = [graph.tensor(t) for t in (source, step.node.outputs[0])]
    same = tensors[0].shape == tensors[1].shape and all(t.dtype == "int8" for t in tensors)
    return source if same and isinstance(step.operator, Lookup | BroadcastOperator) else None


def _table(graph: Graph, step: Step) -> npt.NDArray[np.int8] | None:
    """Return what a step gives for each int8 value, None where an operand varies."""
    if isinstance(step.operator, Lookup):
        return step.operator.table
    every = INPUTS.astype(np.int8).reshape(-1, *(1,) * len(graph.tensor(step.reads[0]).shape))
    operands = []
    for tensor in (graph.tensor(number) for number in step.reads):
        if tensor.data is not None and tensor.element_count != 1:
            return None
        operands.append(
            every if tensor.data is None else tensor.data.reshape((1, *every.shape[1:]))
        )
    (values,) = step.operator.reference(operands)
    assert values.size == INPUTS.size
    table: npt.NDArray[np.int8] = values.reshape(-1)
    return table
