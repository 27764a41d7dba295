"""Windows as rows of bytes: all inputs of one inference, one behind the other; outputs alike.

This is what travels over the wire and into the generated code, whatever the tensors' types are.
Each tensor starts at a multiple of its element size; gaps are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph

Rows: TypeAlias = npt.NDArray[np.int8]
"""Bytes [windows, bytes per window]."""


def row_offsets(graph: Graph, tensors: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Return where each tensor starts in a row, and the bytes of the row."""
    offsets, end = [], 0
    for number in tensors:
        tensor = graph.tensor(number)
        size = np.dtype(tensor.dtype).itemsize
        start = -(-end // size) * size
        offsets.append(start)
        end = start + tensor.byte_count
    return tuple(offsets), end


def unpack(graph: Graph, tensors: Sequence[int], rows: npt.ArrayLike) -> list[npt.NDArray[Any]]:
    """Return one array [windows, *shape] of its own type per tensor."""
    table = np.ascontiguousarray(rows, np.int8)
    table = table.reshape(len(table), -1)
    arrays = []
    for number, start in zip(tensors, row_offsets(graph, tensors)[0], strict=True):
        tensor = graph.tensor(number)
        part = np.ascontiguousarray(table[:, start : start + tensor.byte_count])
        arrays.append(part.view(np.dtype(tensor.dtype)).reshape(len(table), *tensor.shape))
    return arrays


def pack(graph: Graph, tensors: Sequence[int], arrays: Sequence[npt.NDArray[Any]]) -> Rows:
    """Return arrays [windows, *shape] as rows of bytes."""
    offsets, size = row_offsets(graph, tensors)
    rows = np.zeros((len(arrays[0]), size), np.int8)
    for number, start, array in zip(tensors, offsets, arrays, strict=True):
        tensor = graph.tensor(number)
        flat = np.ascontiguousarray(array).reshape(len(rows), tensor.element_count)
        rows[:, start : start + tensor.byte_count] = flat.view(np.int8)
    return rows
