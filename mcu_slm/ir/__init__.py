"""The graph that everything after the flatbuffer works on: frozen, numbered as in the file."""

from mcu_slm.ir.builder import GraphBuilder
from mcu_slm.ir.graph import (
    HANDLE,
    STATEFUL_OPERATORS,
    Graph,
    Node,
    Quantization,
    Tensor,
    Variable,
)
from mcu_slm.ir.verify import verify

__all__ = [
    "HANDLE",
    "STATEFUL_OPERATORS",
    "Graph",
    "GraphBuilder",
    "Node",
    "Quantization",
    "Tensor",
    "Variable",
    "verify",
]
