"""Rules of the graph: what it starts and ends with, and in which order operators may stand."""

from __future__ import annotations

from mcu_slm.ir import Graph
from mcu_slm.tflite.rules import printable, refuse

_FIXED_SHAPE = "Export with a fixed batch of 1 and no empty dimension."


WITHOUT_OUTPUTS = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE"})
"""Operators that write to variables only."""


def check_graph(name: str, graph: Graph, *, is_main: bool = True) -> None:
    """Check a graph whose tensor numbers all exist.

    Raises:
        ModelError: A rule does not hold.
    """
    if is_main:
        _check_ends(name, graph)
    _check_not_empty(name, graph)
    _check_order(name, graph)


def _label(graph: Graph, index: int) -> str:
    return f"tensor {index} ({printable(graph.tensor(index).name)})"


def _check_ends(name: str, graph: Graph) -> None:
    if not graph.inputs or not graph.outputs:
        found, expected = "the graph has no input or no output", "at least one of each"
        refuse("graph-ends", name, found, expected)
    seen: set[int] = set()
    for index in graph.inputs:
        where = f"{name}: {_label(graph, index)}"
        if index in seen:
            refuse("graph-ends", where, "is an input of the graph twice", "once")
        if graph.tensor(index).data is not None:
            refuse("graph-ends", where, "is an input of the graph and a constant", "one of them")
        if graph.tensor(index).is_variable:
            refuse("variable", where, "is an input of the graph and a variable", "one of them")
        seen.add(index)


def _check_not_empty(name: str, graph: Graph) -> None:
    """No operator reads or writes an empty tensor.

    LSTM layers name some as placeholders that only carry intermediate scales.
    """
    used = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        used.update(node.inputs, node.outputs)
    for index in sorted(used - {-1}):
        if 0 in graph.tensor(index).shape:
            where = f"{name}: {_label(graph, index)}"
            found = f"shape {list(graph.tensor(index).shape)}"
            refuse("empty-tensor", where, found, "dimensions of 1 and more", _FIXED_SHAPE)


def _check_order(name: str, graph: Graph) -> None:
    """Every tensor an operator reads is a constant, an input, or written by an earlier operator.

    None is written twice.
    """
    ready = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    kept = {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable}
    written = set(graph.inputs)
    for index, node in enumerate(graph.nodes):
        where = f"{name}: operator {index} ({node.op})"
        if not node.outputs and node.op not in WITHOUT_OUTPUTS:
            refuse("operator-outputs", where, "no outputs", "at least one")
        for tensor in node.inputs:
            if tensor >= 0 and not (tensor in ready or tensor in written or tensor in kept):
                found = f"reads {_label(graph, tensor)} before it is written"
                refuse("order", where, found, "operators in execution order")
        for tensor in node.outputs:
            if tensor in written or tensor in ready:
                found = f"writes {_label(graph, tensor)} a second time"
                refuse("double-write", where, found, "each tensor written once")
            written.add(tensor)
    for tensor in graph.outputs:
        if tensor not in written and tensor not in ready:
            refuse("unwritten-output", name, f"output tensor {tensor} is never written")
