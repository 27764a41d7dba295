"""Builds graphs: the converter and the tests write models with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir.graph import Graph, Node, Quantization, Tensor


class GraphBuilder:
    """Collects tensors and nodes in order and gives a frozen `Graph`.

    The one mutable thing around the IR.
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
        intermediates: tuple[int, ...] = (),
        **options: Any,
    ) -> None:
        """Add an operator. Option names are the schema's, in snake_case (`stride_w`)."""
        self._nodes.append(
            Node(op, tuple(inputs), tuple(outputs), dict(options), version, intermediates)
        )

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
