"""Operators that TensorFlow's converter leaves in float, spelt such that it quantises them.

The spellings are equal in floating point, bit for bit: -x is x * -1, x^2 is x * x. Without them a
Keras LayerNormalization keeps a float NEG, which TensorFlow Lite Micro cannot run in INT8.
"""

from __future__ import annotations

from typing import Any

_ERROR_FUNCTIONS = ("Erf", "Erfc")
"""What GELU is spelt with: the converter knows it by its negations, too."""


def respell(tf: Any, frozen: Any) -> Any:
    """Return a frozen concrete function without the operators `Neg` and `Square`."""
    graph = frozen.graph.as_graph_def()
    kept = {name for node in graph.node if node.op in _ERROR_FUNCTIONS for name in node.input}
    for node in list(graph.node):
        if node.op == "Neg" and not _feeds(graph, node, kept):
            _negate_by_multiplying(tf, graph, node)
        elif node.op == "Square":
            node.op = "Mul"
            node.input.insert(1, node.input[0])
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    ends = [
        [wrapped.graph.as_graph_element(tensor.name) for tensor in tensors]
        for tensors in (frozen.inputs, frozen.outputs)
    ]
    return wrapped.prune(*ends)


def _feeds(graph: Any, node: Any, names: set[str]) -> bool:
    """Return whether a node, or the one behind it, is one of `names`."""
    return node.name in names or any(
        node.name in other.input for other in graph.node if other.name in names
    )


def _negate_by_multiplying(tf: Any, graph: Any, node: Any) -> None:
    kind = node.attr["T"].type
    constant = graph.node.add()
    constant.name, constant.op = f"{node.name}/minus_one", "Const"
    constant.attr["dtype"].type = kind
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(-1, tf.as_dtype(kind)))
    node.op = "Mul"
    node.input.insert(1, constant.name)
