"""The graph that everything after the flatbuffer works on: frozen, numbered as in the file.

A `Graph` keeps the flatbuffer's tensor and operator numbers, so that a message can name what Netron
shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


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


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model: one subgraph in execution order."""

    tensors: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str = "main"
    description: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict)

    def tensor(self, index: int) -> Tensor:
        """Return the tensor numbered `index`."""
        return self.tensors[index]


class GraphBuilder:
    """Collects tensors and nodes in order and gives a frozen `Graph`.

    The one mutable thing around the IR; the converter and the tests write models with it.
    """

    def __init__(self, name: str = "main", description: str = "") -> None:
        self._name = name
        self._description = description
        self._tensors: list[Tensor] = []
        self._nodes: list[Node] = []

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
        self._tensors.append(Tensor(name, size, dtype, quantization, array, is_variable))
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
        )
