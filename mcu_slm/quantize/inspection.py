"""A look at what TensorFlow's converter wrote: nothing may be left in float."""

from __future__ import annotations

from mcu_slm import ops, tflite
from mcu_slm.errors import UnsupportedOperatorError
from mcu_slm.ir import Graph, Node
from mcu_slm.ops import short_name
from mcu_slm.ops.unavailable import UNAVAILABLE
from mcu_slm.tflite.rules import printable

_SHOWN = 4
_BETWEEN = ("QUANTIZE", "DEQUANTIZE")
_REMEDY = "Replace the layer by one that is quantised; mcu-slm ops lists what runs."


def read_quantized(raw: bytes, name: str) -> Graph:
    """Return the graph of a converted model whose every operator has a kernel.

    Raises:
        UnsupportedOperatorError: An operator without a kernel, or left in float; layer and operator
            are named.
        ModelError: Not a sound model.
    """
    graph = tflite.read_model(raw, name)
    folded = ops.fold_graph(graph)
    _refuse_float(folded, name)
    ops.parse_graph(folded)
    return graph


def _refuse_float(graph: Graph, name: str) -> None:
    left = [node for node in graph.nodes if node.op not in _BETWEEN and _touches_float(graph, node)]
    if not left:
        return
    shown = [f"{node.op} in {_layer(graph, node)}" for node in left[:_SHOWN]]
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    reasons = {node.op: UNAVAILABLE[node.op] for node in left if node.op in UNAVAILABLE}
    remedies = [reason.remedy for reason in reasons.values()] or [_REMEDY]
    raise UnsupportedOperatorError(
        name,
        f"TensorFlow's converter left operators in float: {', '.join(shown)}{more}",
        "a model that is INT8 throughout",
        " ".join(dict.fromkeys(remedies)),
        operators=sorted({node.op for node in left}),
    )


def _touches_float(graph: Graph, node: Node) -> bool:
    numbers = (*(number for number in node.inputs if number >= 0), *node.outputs)
    return any(graph.tensor(number).dtype == "float32" for number in numbers)


def _layer(graph: Graph, node: Node) -> str:
    """Return the name that the converter gave a layer's result: the path of the Keras layer."""
    return printable(short_name(graph.tensor(node.outputs[0]).name))
