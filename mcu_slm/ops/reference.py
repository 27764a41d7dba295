"""Runs a whole graph in NumPy, many windows at a time.

The readable specification of every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.ops.base import Operator

Activations = dict[int, npt.NDArray[Any]]


def run(
    graph: Graph, operators: Sequence[Operator], inputs: Sequence[npt.NDArray[Any]]
) -> Activations:
    """Return every activation tensor by number.

    Shapes: inputs: one [windows, *tensor shape] of its own type per graph input; results alike.
    """
    values: Activations = {
        index: tensor.data[None]
        for index, tensor in enumerate(graph.tensors)
        if tensor.data is not None
    }
    constants = set(values)
    for index, array in zip(graph.inputs, inputs, strict=True):
        values[index] = array.reshape((array.shape[0], *graph.tensor(index).shape))
    for node, operator in zip(graph.nodes, operators, strict=True):
        sources = [values[node.inputs[position]] for position in operator.activations]
        for index, array in zip(node.outputs, operator.reference(sources), strict=True):
            values[index] = array
    return {index: array for index, array in values.items() if index not in constants}
