"""A look at what TensorFlow's converter wrote: nothing may compute in float."""

from __future__ import annotations

from dataclasses import replace

from mcu_slm import ops, tflite
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import Graph, Node
from mcu_slm.ops import short_name
from mcu_slm.ops.unavailable import UNAVAILABLE
from mcu_slm.tflite.rules import printable

_SHOWN = 4
_BETWEEN = ("QUANTIZE", "DEQUANTIZE")
_REMEDIES = {
    "ELU": "Use ReLU, hard_swish, sigmoid or tanh, which are quantised.",
    "SPLIT": "Run it again: for SPLIT the converter decides differently from run to run.",
}
_REMEDY = "Replace the layer by one that is quantised; mcu-slm ops lists what runs."


def read_quantized(raw: bytes, name: str) -> tuple[Graph, tuple[str, ...]]:
    """Return the graph of a converted model whose every operator has a kernel, and warnings.

    Raises:
        UnsupportedOperatorError: An operator without a kernel, or one that would compute in float;
            layer and operator are named.
        ModelError: Not a sound model.
    """
    graph = tflite.read_model(raw, name)
    folded = ops.fold_graph(graph)
    left = [node for node in folded.nodes if node.op not in _BETWEEN and _in_float(folded, node)]
    _refuse([node for node in left if not _runs(folded, node)], folded, name)
    ops.parse_graph(folded)
    if not left:
        return graph, ()
    warning = f"{_listed(folded, left)} moves float values: around it the device computes in float"
    return graph, (warning,)


def _refuse(nodes: list[Node], graph: Graph, name: str) -> None:
    if not nodes:
        return
    known = {**_REMEDIES, **{op: entry.remedy for op, entry in UNAVAILABLE.items()}}
    remedies = [known.get(node.op, _REMEDY) for node in nodes]
    raise UnsupportedOperatorError(
        name,
        f"TensorFlow's converter left operators in float: {_listed(graph, nodes)}",
        "a model that is INT8 throughout",
        " ".join(dict.fromkeys(remedies)),
        operators=sorted({node.op for node in nodes}),
    )


def _listed(graph: Graph, nodes: list[Node]) -> str:
    """Return operators with the paths of their Keras layers, as the converter names results."""
    shown = [
        f"{node.op} in {printable(short_name(graph.tensor(node.outputs[0]).name))}"
        for node in nodes[:_SHOWN]
    ]
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    return ", ".join(shown) + more


def _in_float(graph: Graph, node: Node) -> bool:
    numbers = (*(number for number in node.inputs if number >= 0), *node.outputs)
    return any(graph.tensor(number).dtype == "float32" for number in numbers)


def _runs(graph: Graph, node: Node) -> bool:
    """Return whether a node has a kernel: some that only move values have one for float."""
    try:
        ops.parse_graph(replace(graph, nodes=(node,)))
    except ModelError:
        return False
    return True
