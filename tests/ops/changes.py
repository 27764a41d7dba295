"""Ways to break the first layer of a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mcu_slm.ir import Graph, Quantization

Change = Callable[[Graph], Graph]


def tensor(position: int, *, of: str = "inputs", **fields: Any) -> Change:
    """Change the tensor that the first node reads (or writes) at `position`."""

    def change(graph: Graph) -> Graph:
        index = getattr(graph.nodes[0], of)[position]
        tensors = list(graph.tensors)
        tensors[index] = replace(tensors[index], **fields)
        return replace(graph, tensors=tuple(tensors))

    return change


def output(**fields: Any) -> Change:
    """Change the tensor that the first node writes."""
    return tensor(0, of="outputs", **fields)


def node(**fields: Any) -> Change:
    """Change the first node."""
    return lambda graph: replace(graph, nodes=(replace(graph.nodes[0], **fields), *graph.nodes[1:]))


def options(**fields: Any) -> Change:
    """Change options of the first node."""
    return lambda graph: node(options={**graph.nodes[0].options, **fields})(graph)


def no_option(name: str) -> Change:
    """Leave an option of the first node out."""

    def change(graph: Graph) -> Graph:
        kept = {key: value for key, value in graph.nodes[0].options.items() if key != name}
        return node(options=kept)(graph)

    return change


def scale(value: float, zero_point: int = 0) -> Quantization:
    return Quantization((value,), (zero_point,))


def ints(*values: int) -> dict[str, Any]:
    return {"shape": (len(values),), "data": np.array(values, np.int32)}
