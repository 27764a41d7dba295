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


class GraphBuilder:
    """Collects tensors and nodes in order and gives a frozen `Graph`.

    The one mutable thing around the IR; the converter and the tests write models with it.
    """

    def __init__(self, name: str = "main", description: str = "") -> None:
        self._name = name
        self._description = description
        self._tensors: list[Tensor] = []
        self._nodes: list[Node] = []
        self._start_values: dict[str, Tensor] = {}

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str = "int8",
        *,
        scale: float | npt.ArrayLike | None = None,
        zero_point: int = 0,
        axis: int = 0,
        data: npt.ArrayLike | None = None,
        is_variable: bool = False,
    ) -> int:
        """Add a tensor and return its number.

        `data` makes it a constant, `is_variable` state that lives through an inference.
        """
        quantization = None
        if scale is not None:
            scales = tuple(
                float(np.float32(s)) for s in np.atleast_1d(np.asarray(scale, np.float32))
            )
            quantization = Quantization(scales, (int(zero_point),) * len(scales), axis)
        array = None if data is None else np.asarray(data, np.dtype(dtype)).reshape(shape)
        size = tuple(int(n) for n in shape)
        return self.add(Tensor(name, size, dtype, quantization, array, is_variable))

    def add(self, tensor: Tensor) -> int:
        """Add a tensor as it is and return its number."""
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of a tensor already added."""
        return self._tensors[index].shape

    def node(
        self,
        op: str,
        inputs: list[int],
        outputs: list[int],
        *,
        version: int = 1,
        **options: Any,
    ) -> None:
        """Add an operator. Option names are the schema's, in snake_case (`stride_w`)."""
        self._nodes.append(Node(op, tuple(inputs), tuple(outputs), dict(options), version))

    def start_value(self, variable: str, like: int, data: npt.ArrayLike) -> None:
        """Let CALL_ONCE assign values to a variable, of the type and shape of tensor `like`."""
        tensor = self._tensors[like]
        array = np.asarray(data, np.dtype(tensor.dtype)).reshape(tensor.shape)
        self._start_values[variable] = replace(tensor, name=f"{variable}/start", data=array)

    def build(
        self, inputs: list[int], outputs: list[int], metadata: Mapping[str, bytes] | None = None
    ) -> Graph:
        """Return the frozen graph."""
        return Graph(
            tuple(self._tensors),
            tuple(self._nodes),
            tuple(inputs),
            tuple(outputs),
            self._name,
            self._description,
            dict(metadata or {}),
            dict(self._start_values),
        )
