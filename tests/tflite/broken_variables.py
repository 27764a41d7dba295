"""Minimal broken files about variables: the streaming model with one thing wrong each."""

from __future__ import annotations

from mcu_slm import tflite
from mcu_slm.tflite.encode import encode_model
from mcu_slm.tflite.schema import OPERATORS
from tests.streaming_layers import streaming
from tests.tflite.broken import Broken, Change, Fields, decoded

# Operators of the stream: CALL_ONCE, VAR_HANDLE, READ_VARIABLE, CONCATENATION, STRIDED_SLICE,
# ASSIGN_VARIABLE, then a second ring. Of its initialisation: VAR_HANDLE, ASSIGN_VARIABLE.
CALL, HANDLE, READ, JOIN, ASSIGN = 0, 1, 2, 3, 5
FRAME = 0


def streamed(change: Change) -> bytes:
    """Return the streaming model after `change(model, subgraph)` on its decoded tables."""
    model = decoded(tflite.write_model(streaming()))
    change(model, model["subgraphs"][0])
    return encode_model(model)


def layer(index: int, **fields: object) -> Change:
    return lambda _model, subgraph: subgraph["operators"][index].update(fields)


def start(index: int, **fields: object) -> Change:
    """Return a change of an operator of the initialisation graph."""
    return lambda model, _subgraph: model["subgraphs"][1]["operators"][index].update(fields)


def start_graph(**fields: object) -> Change:
    return lambda model, _subgraph: model["subgraphs"][1].update(fields)


def call(index: int) -> Change:
    return layer(CALL, builtin_options=("CallOnce", {"init_subgraph_index": index}))


def name_variable(index: int, **names: str | None) -> Change:
    return layer(index, builtin_options=("VarHandle", {"container": "", **names}))


def call_later(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"] = [*subgraph["operators"][1:], subgraph["operators"][CALL]]


def repeat_start(model: Fields, _subgraph: Fields) -> None:
    graph = model["subgraphs"][1]
    graph["operators"] = [*graph["operators"], graph["operators"][1]]


def backwards(model: Fields, _subgraph: Fields) -> None:
    model["subgraphs"][1]["operators"].reverse()


def start_without_data(model: Fields, _subgraph: Fields) -> None:
    graph = model["subgraphs"][1]
    graph["tensors"][1]["buffer"] = 0
    graph["tensors"][1]["is_variable"] = True


def not_called(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"] = subgraph["operators"][1:]


def start_of_another_kind(model: Fields, _subgraph: Fields) -> None:
    """Let the initialisation graph add instead of assign."""
    graph = model["subgraphs"][1]
    code = next(
        i
        for i, c in enumerate(model["operator_codes"])
        if c["builtin_code"] == OPERATORS.index("SVDF")
    )
    graph["tensors"].append({**graph["tensors"][1], "buffer": 0})
    graph["operators"].append(
        {"opcode_index": code, "inputs": (1, 1, 1, 1, 1), "outputs": (len(graph["tensors"]) - 1,)}
    )


def handle_tensor(**fields: object) -> Change:
    return lambda _model, subgraph: subgraph["tensors"][handle_of(subgraph)].update(fields)


def handle_of(subgraph: Fields) -> int:
    """Return the first handle's tensor."""
    return int(subgraph["operators"][HANDLE]["outputs"][0])


def handle_leaves(_model: Fields, subgraph: Fields) -> None:
    subgraph["outputs"] = (handle_of(subgraph),)


def handle_joined(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"][JOIN]["inputs"] = (handle_of(subgraph), FRAME)


def handle_assigned(_model: Fields, subgraph: Fields) -> None:
    subgraph["operators"][ASSIGN]["inputs"] = (handle_of(subgraph), handle_of(subgraph))


def handle_read_out(_model: Fields, subgraph: Fields) -> None:
    """Let a read write a handle too."""
    read = subgraph["operators"][READ]
    subgraph["tensors"].append({**subgraph["tensors"][handle_of(subgraph)]})
    read["outputs"] = (*read["outputs"], len(subgraph["tensors"]) - 1)


def in_stream(rule: str, change: Change, message: str) -> Broken:
    return Broken(rule, lambda: streamed(change), message)


VARIABLES_BROKEN: dict[str, Broken] = {
    "handle with data": in_stream(
        "handle", handle_tensor(buffer=1), r"a handle with data, in buffer 1; expected none"
    ),
    "handle that is a variable": in_stream(
        "handle", handle_tensor(is_variable=True), r"\(ring\): a handle that holds values"
    ),
    "handle as output": in_stream(
        "handle", handle_leaves, r"\(ring\): a handle .* leaves the graph"
    ),
    "handle as value": in_stream(
        "handle",
        handle_joined,
        r"3 \(CONCATENATION\): handles of variables as inputs \[0\]; expected as inputs \[\]",
    ),
    "handle assigned": in_stream(
        "handle", handle_assigned, r"5 \(ASSIGN_VARIABLE\): handles .* \[0, 1\]; .* \[0\]"
    ),
    "value as handle": in_stream(
        "handle", layer(READ, inputs=(FRAME,)), r"2 \(READ_VARIABLE\): .* inputs \[\]; .* \[0\]"
    ),
    "handle from a read": in_stream(
        "handle",
        handle_read_out,
        r"2 \(READ_VARIABLE\): handles .* outputs \[1\]; .*from VAR_HANDLE",
    ),
    "variable without a name": in_stream(
        "handle", name_variable(HANDLE), r"1 \(VAR_HANDLE\): a variable with the shared name ''"
    ),
    "name that ends early": in_stream(
        "handle", name_variable(HANDLE, shared_name="a\0b"), r"with the shared name 'a\\x00b'"
    ),
    "two containers": in_stream(
        "handle",
        name_variable(HANDLE, shared_name="ring", container="other"),
        r"containers '' and 'other'; expected one for all",
    ),
    "call of the main graph": in_stream(
        "call-once", call(0), r"0 \(CALL_ONCE\): it calls subgraph 0; expected 1 to 1"
    ),
    "call of no graph": in_stream("call-once", call(2), r"\(CALL_ONCE\): it calls subgraph 2"),
    "call with an input": in_stream(
        "call-once", layer(CALL, inputs=(FRAME,)), r"\(CALL_ONCE\): it has inputs or outputs"
    ),
    "call behind a read": in_stream(
        "call-once", call_later, r"\(CALL_ONCE\): it stands behind a read or an assignment"
    ),
    "graph that nobody calls": in_stream(
        "subgraphs", not_called, r"subgraph 1 is not called by CALL_ONCE; expected one graph, and"
    ),
    "start values with an output": in_stream(
        "initialisation", start_graph(outputs=(1,)), r"subgraph 1: it has inputs or outputs"
    ),
    "start values of nothing": in_stream(
        "initialisation", start_graph(operators=[]), r"subgraph 1: it assigns nothing"
    ),
    "start values that are computed": in_stream(
        "initialisation", start_without_data, r"ring is given ring/start, computed at run time"
    ),
    "start values given twice": in_stream(
        "initialisation", repeat_start, r"subgraph 1: ring is assigned twice"
    ),
    "start values by another layer": in_stream(
        "initialisation",
        start_of_another_kind,
        r"subgraph 1: it runs SVDF; expected VAR_HANDLE, AS",
    ),
    "tensor of the start values": in_stream(
        "tensor-index", start(1, inputs=(0, 9)), r"subgraph 1: operator 1: inputs: tensor number 9"
    ),
    "order of the start values": in_stream(
        "order", backwards, r"subgraph 1: operator 0 \(ASSIGN_VARIABLE\): reads tensor 0 \(ring\)"
    ),
}
