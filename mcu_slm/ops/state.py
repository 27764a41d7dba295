"""State: values that live from one inference to the next.

A layer's state is a variable tensor of the graph (SVDF) or a variable that handles stand for
(READ_VARIABLE, ASSIGN_VARIABLE). It is known by one tensor number here: the variable tensor, or the
first handle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph, Tensor, Variable
from mcu_slm.ops.base import NodeView, Operator


@dataclass(frozen=True, eq=False)
class State:
    """One state. `start` is what a new stream begins with, in the state's type and shape."""

    name: str
    start: npt.NDArray[Any]


def holder(graph: Graph, tensor: int) -> int:
    """Return the tensor number by which the state behind a tensor is known."""
    name = graph.handles.get(tensor)
    return tensor if name is None else graph.variables[name].handle


def states_of(graph: Graph, operators: Sequence[Operator]) -> dict[int, State]:
    """Return every state that some layer uses, by tensor number, in the order of first use."""
    found: dict[int, State] = {}
    for node, operator in zip(graph.nodes, operators, strict=True):
        for position in operator.states:
            tensor = node.inputs[position]
            found.setdefault(holder(graph, tensor), _state(graph, tensor))
    return found


def _state(graph: Graph, tensor: int) -> State:
    name = graph.handles.get(tensor)
    if name is None:
        return State(graph.tensor(tensor).name, _rest(graph.tensor(tensor)))
    start = graph.start_values.get(name)
    if start is not None and start.data is not None:
        return State(name, start.data)
    return State(name, _rest(graph.tensor(graph.variables[name].assignments[0])))


def _rest(tensor: Tensor) -> npt.NDArray[Any]:
    """Return the values that the judge gives where the model gives none.

    The zero point of an int8 tensor; 0 for all others, whatever their zero point.
    """
    quantization = tensor.quantization
    inside = tensor.dtype == "int8" and quantization is not None
    zero_point = quantization.zero_point if inside and quantization else 0
    return np.full(tensor.shape, zero_point, tensor.dtype)


def require_own_state(view: NodeView, position: int, shape: tuple[int, ...]) -> Tensor:
    """Return a variable tensor that this node alone uses."""
    state, index = view.input(position), view.node.inputs[position]
    view.require(state.is_variable, f"{state.name} is no variable", "a variable tensor")
    view.require(state.shape == shape, f"{state.name} has shape {state.shape}", str(shape))
    if view.graph.use_counts[index] > 1:
        view.unsupported(f"{state.name} is used elsewhere too", "a state of its own")
    return state


def variable_of(view: NodeView, value: Tensor) -> Variable:
    """Check that a node reads or assigns a variable whose values are all int8 of one shape.

    The judge copies as many bytes as the variable has, whatever the tensor's size is, and does not
    compare scales.
    """
    graph, handle = view.graph, view.node.inputs[0]
    if handle not in graph.handles:
        view.fail("input 0 is no handle of a variable", "the output of VAR_HANDLE")
    variable = graph.variables[graph.handles[handle]]
    start = graph.start_values.get(variable.name)
    first = graph.tensor((*variable.reads, *variable.assignments)[0])
    for other in (first,) if start is None else (first, start):
        view.int8(value)
        view.int8(other)
        if other.shape != value.shape:
            view.fail(
                f"{value.name} has shape {list(value.shape)}",
                f"{list(other.shape)} as {other.name}, another value of {variable.name}",
            )
    if not variable.assignments and start is None:
        view.fail(f"{variable.name} is never assigned", "a start value or an assignment")
    return variable
