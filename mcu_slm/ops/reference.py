"""Runs a whole graph in NumPy: many windows at a time, or one after the other as a stream.

The readable specification of every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.ops.base import Operator
from mcu_slm.ops.state import holder, states_of

Activations = dict[int, npt.NDArray[Any]]


def run(
    graph: Graph, operators: Sequence[Operator], inputs: Sequence[npt.NDArray[Any]]
) -> Activations:
    """Return every activation tensor by number.

    Where layers keep state, the windows are one stream from its start, and every state is there too
    with the values that it had before each window.

    Shapes: inputs: one [windows, *tensor shape] of its own type per graph input; results alike.
    """
    if not graph.keeps_state:
        return _side_by_side(graph, operators, inputs, {})[0]
    states = {t: state.start[None] for t, state in states_of(graph, operators).items()}
    rows = []
    for window in range(len(inputs[0])):
        one = [array[window : window + 1] for array in inputs]
        values, after = _side_by_side(graph, operators, one, states)
        rows.append({**states, **values})
        states = after
    return {index: np.concatenate([row[index] for row in rows]) for index in rows[0]}


def _side_by_side(
    graph: Graph,
    operators: Sequence[Operator],
    inputs: Sequence[npt.NDArray[Any]],
    states: Activations,
) -> tuple[Activations, Activations]:
    """Return the activations of some windows, and the states after them."""
    values: Activations = {
        index: tensor.data[None]
        for index, tensor in enumerate(graph.tensors)
        if tensor.data is not None
    }
    constants, after = set(values), dict(states)
    for index, array in zip(graph.inputs, inputs, strict=True):
        values[index] = array.reshape((array.shape[0], *graph.tensor(index).shape))
    for node, operator in zip(graph.nodes, operators, strict=True):
        kept = [holder(graph, node.inputs[position]) for position in operator.states]
        sources = [values[node.inputs[position]] for position in operator.activations]
        results = operator.reference([*sources, *(after[state] for state in kept)])
        outputs = graph.value_outputs(node)
        for index, array in zip((*outputs, *kept), results, strict=True):
            (values if index in outputs else after)[index] = array
    return {index: array for index, array in values.items() if index not in constants}, after
