"""The graph that everything after the flatbuffer works on: frozen, numbered as in the file.

A `Graph` keeps the flatbuffer's tensor and operator numbers, so that a message can name what Netron
shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

HANDLE = "resource"
"""Type of the tensors that stand for a variable: they hold no values."""

STATEFUL_OPERATORS = frozenset({"ASSIGN_VARIABLE", "READ_VARIABLE", "SVDF"})
"""Operators whose outputs depend on earlier inferences."""


@dataclass(frozen=True)
class Quantization:
    """real = scale * (q - zero_point), per tensor or per channel along `axis`."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantised tensor (the first one otherwise)."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantised tensor (the first one otherwise)."""
        return self.zero_points[0]

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor; `data` is set for constants only."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: npt.NDArray[Any] | None = None
    is_variable: bool = False

    @property
    def element_count(self) -> int:
        """Number of elements; 1 for a scalar."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def byte_count(self) -> int:
        """Bytes of the tensor in memory."""
        if self.dtype == HANDLE:
            return 0
        return self.element_count * int(np.dtype(self.dtype).itemsize)


@dataclass(frozen=True, eq=False)
class Node:
    """One operator. `inputs` holds tensor numbers, -1 for an omitted optional input."""

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Variable:
    """A variable of a graph, known by the shared name of its handles.

    `handle` is the first tensor that stands for it; `reads` are the tensors that it is read into,
    `assignments` those that it is assigned from.
    """

    name: str
    handle: int
    reads: tuple[int, ...] = ()
    assignments: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model: one subgraph in execution order.

    `start_values` are what CALL_ONCE assigns to variables before the first inference, as constants
    by the variable's shared name. The file keeps them in further subgraphs.
    """

    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str = "main"
    description: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    start_values: Mapping[str, Tensor] = field(default_factory=dict)

    def tensor(self, index: int) -> Tensor:
        """Return the tensor numbered `index`."""
        return self.tensors[index]

    @property
    def keeps_state(self) -> bool:
        """Whether an inference depends on those before it: then windows are one stream."""
        return any(node.op in STATEFUL_OPERATORS for node in self.nodes)

    @cached_property
    def use_counts(self) -> Mapping[int, int]:
        """How often nodes read or write each tensor, the graph's outputs counted as reads."""
        named = (index for node in self.nodes for index in (*node.inputs, *node.outputs))
        return Counter((*named, *self.outputs))

    @cached_property
    def handles(self) -> Mapping[int, str]:
        """The shared name of the variable that each handle stands for."""
        return {
            node.outputs[0]: node.options.get("shared_name") or ""
            for node in self.nodes
            if node.op == "VAR_HANDLE" and node.outputs
        }

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """The variables by name."""
        found: dict[str, Variable] = {}
        for handle, name in self.handles.items():
            found.setdefault(name, Variable(name, handle))
        for node in self.nodes:
            for name in (self.handles[i] for i in node.inputs[:1] if i in self.handles):
                known = found[name]
                if node.op == "READ_VARIABLE":
                    found[name] = replace(known, reads=known.reads + node.outputs[:1])
                elif node.op == "ASSIGN_VARIABLE":
                    assignments = known.assignments + node.inputs[1:2]
                    found[name] = replace(known, assignments=assignments)
        return found

    def value_outputs(self, node: Node) -> tuple[int, ...]:
        """Return the outputs of a node that hold values: all but handles."""
        return tuple(index for index in node.outputs if self.tensor(index).dtype != HANDLE)

    def layer_name(self, node: Node) -> str:
        """Return what a layer is called: its first output, or the variable that it assigns."""
        if node.outputs:
            return self.tensor(node.outputs[0]).name
        if node.inputs and node.inputs[0] in self.handles:
            return self.handles[node.inputs[0]]
        return node.op.lower()
