"""Rules of variables: their handles, and the graphs that initialise them.

A file may have further subgraphs only to give variables their start values, called by CALL_ONCE
before the first inference. They are read into `Graph.start_values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcu_slm.ir import HANDLE, Graph, Node, Tensor
from mcu_slm.tflite.rules import printable, refuse, unsupported

INITIALISER = 1
"""The subgraph that CALL_ONCE names in a graph that was read: start values of several are one."""

_USERS = frozenset({"READ_VARIABLE", "ASSIGN_VARIABLE"})
_FIXED_START = "Export with variables that start as constants."


def with_start_values(name: str, graphs: Sequence[Graph]) -> Graph:
    """Return the first graph with the start values that the others assign.

    Raises:
        ModelError: A rule does not hold.
        UnsupportedOperatorError: A further graph does more than assign start values.
    """
    main, *others = graphs
    containers: set[str | None] = set()
    for graph in graphs:
        _check_handles(name, graph, containers)
    called = _called(name, main, len(graphs))
    for number in range(1, len(graphs)):
        if number not in called:
            found = f"subgraph {number} is not called by CALL_ONCE"
            expected = "one graph, and graphs that initialise its variables"
            unsupported("subgraphs", name, found, expected, "Export plain inference.")
    start_values: dict[str, Tensor] = {}
    for number in called:
        _collect(f"{name}: subgraph {number}", others[number - 1], start_values)
    nodes = tuple(
        replace(node, options={"init_subgraph_index": INITIALISER})
        if node.op == "CALL_ONCE"
        else node
        for node in main.nodes
    )
    return replace(main, nodes=nodes, start_values=start_values)


def _label(graph: Graph, index: int) -> str:
    return f"tensor {index} ({printable(graph.tensor(index).name)})"


def _check_handles(name: str, graph: Graph, containers: set[str | None]) -> None:
    """Check that handles come from VAR_HANDLE and go only where a variable is meant.

    The judge looks variables up by shared name and container; it counts shared names alone.
    """
    for index in (*graph.inputs, *graph.outputs):
        if graph.tensor(index).dtype == HANDLE:
            where = f"{name}: {_label(graph, index)}"
            refuse("handle", where, "a handle of a variable enters or leaves the graph", "values")
    for number, node in enumerate(graph.nodes):
        where = f"{name}: operator {number} ({node.op})"
        if node.op == "VAR_HANDLE":
            _check_names(where, node, containers)
        wanted = (0,) if node.op in _USERS else ()
        given = tuple(p for p, i in enumerate(node.inputs) if _is_handle(graph, i))
        if given != wanted:
            found = f"handles of variables as inputs {list(given)}"
            refuse("handle", where, found, f"as inputs {list(wanted)}")
        wanted = (0,) if node.op == "VAR_HANDLE" else ()
        given = tuple(p for p, i in enumerate(node.outputs) if _is_handle(graph, i))
        if given != wanted or (wanted and len(node.outputs) > 1):
            found = f"handles of variables as outputs {list(given)}"
            refuse("handle", where, found, f"as outputs {list(wanted)}, from VAR_HANDLE alone")


def _is_handle(graph: Graph, index: int) -> bool:
    return index >= 0 and graph.tensor(index).dtype == HANDLE


def _check_names(where: str, node: Node, containers: set[str | None]) -> None:
    shared_name = node.options.get("shared_name") or ""
    if not shared_name or "\0" in shared_name:
        refuse("handle", where, f"a variable with the shared name {shared_name!r}", "a name")
    containers.add(node.options.get("container"))
    if len(containers) > 1:
        found = " and ".join(sorted(printable(repr(container)) for container in containers))
        refuse("handle", where, f"containers {found}", "one for all variables")


def _called(name: str, graph: Graph, count: int) -> list[int]:
    """Return the subgraphs that CALL_ONCE calls, in order."""
    called: dict[int, None] = {}
    used = False
    for number, node in enumerate(graph.nodes):
        used = used or node.op in _USERS
        if node.op != "CALL_ONCE":
            continue
        where = f"{name}: operator {number} (CALL_ONCE)"
        if node.inputs or node.outputs:
            refuse("call-once", where, "it has inputs or outputs", "none")
        index = node.options.get("init_subgraph_index", 0)
        if not 0 < index < count:
            refuse("call-once", where, f"it calls subgraph {index}", f"1 to {count - 1}")
        if used:
            found = "it stands behind a read or an assignment of a variable"
            refuse("call-once", where, found, "start values before all of them")
        called[index] = None
    return list(called)


def _collect(where: str, graph: Graph, found: dict[str, Tensor]) -> None:
    """Add the constants that an initialisation graph assigns, by variable."""
    if graph.inputs or graph.outputs:
        unsupported("initialisation", where, "it has inputs or outputs", "none", _FIXED_START)
    if not any(node.op == "ASSIGN_VARIABLE" for node in graph.nodes):
        refuse("initialisation", where, "it assigns nothing", "one assignment or more")
    for node in graph.nodes:
        if node.op == "VAR_HANDLE":
            continue
        if node.op != "ASSIGN_VARIABLE" or len(node.inputs) != 2 or node.outputs:
            wrong = f"it runs {node.op}"
            unsupported("initialisation", where, wrong, "VAR_HANDLE, ASSIGN_VARIABLE", _FIXED_START)
        variable, value = graph.handles[node.inputs[0]], graph.tensor(node.inputs[1])
        if value.data is None:
            wrong = f"{printable(variable)} is given {printable(value.name)}, computed at run time"
            unsupported("initialisation", where, wrong, "a constant", _FIXED_START)
        if variable in found:
            refuse("initialisation", where, f"{printable(variable)} is assigned twice", "once")
        found[variable] = value
