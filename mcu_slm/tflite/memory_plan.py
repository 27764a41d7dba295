"""A memory plan inside the file: the interpreter puts tensors where it says, without looking.

The plan is metadata of 32-bit words: version, subgraph, number of tensors, then one arena offset
per tensor, -1 where the interpreter shall choose. This compiler plans memory itself and has no use
for it; it only must not make the interpreter write over what is still needed, or past its arena.

Source: docs/memory_management.md of TensorFlow Lite Micro, "offline planned tensor allocations".
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.tflite.rules import printable, refuse

MEMORY_PLAN = "OfflineMemoryAllocation"
MAX_ARENA_BYTES = 64 << 20
_HEADER_WORDS = 3
_NOT_PLANNED = -1
_ALIGNMENT = 16
_REMEDY = "Export without an offline memory plan; this compiler plans memory itself."


def check_memory_plan(name: str, graph: Graph, *, is_alone: bool) -> None:
    """Check the plan of a graph that has passed every other rule, if it has one.

    `is_alone` says that the file has no other subgraph.

    Raises:
        ModelError: The plan is not one offset per tensor, or lets two tensors overlap.
    """
    content = graph.metadata.get(MEMORY_PLAN)
    if content is None:
        return
    if not is_alone:
        refuse("memory-plan", name, "a memory plan of several subgraphs", "one subgraph", _REMEDY)
    offsets = _offsets(f"{name}: metadata {MEMORY_PLAN!r}", content, len(graph.tensors))
    lifetimes = _lifetimes(graph)
    planned = [
        i
        for i, tensor in enumerate(graph.tensors)
        if tensor.data is None and offsets[i] != _NOT_PLANNED
    ]
    places = []
    for index in planned:
        place = int(offsets[index])
        end = place + math.ceil(graph.tensor(index).byte_count / _ALIGNMENT) * _ALIGNMENT
        if place < 0 or place % _ALIGNMENT or end > MAX_ARENA_BYTES:
            expected = f"a multiple of {_ALIGNMENT} inside an arena of {MAX_ARENA_BYTES:,}"
            refuse("memory-plan", _label(name, graph, index), f"planned at {place:,}", expected)
        places.append((place, end, *lifetimes.get(index, (-1, -1))))
    _check_apart(name, graph, planned, np.array(places, np.int64).reshape(-1, 4))


def _label(name: str, graph: Graph, index: int) -> str:
    return f"{name}: tensor {index} ({printable(graph.tensor(index).name)})"


def _offsets(where: str, content: bytes, count: int) -> npt.NDArray[np.int32]:
    words = np.frombuffer(content[: len(content) // 4 * 4], "<i4")
    if len(words) * 4 != len(content) or len(words) < _HEADER_WORDS:
        refuse("memory-plan", where, f"a memory plan of {len(content)} bytes", "a header and words")
    offsets = words[_HEADER_WORDS:]
    if not words[2] == len(offsets) == count:
        found = f"a memory plan of {len(offsets)} offsets that says {words[2]}"
        refuse("memory-plan", where, found, f"{count}, one per tensor")
    return offsets


def _lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """Return first and last step at which a tensor is needed; graph inputs come at step 0."""
    steps = len(graph.nodes) + 1
    found = dict.fromkeys(graph.inputs, (0, 0))
    for step, node in enumerate(graph.nodes, 1):
        for index in node.outputs:
            found[index] = (step, step)
        for index in node.inputs:
            if index in found:
                found[index] = (found[index][0], step)
    for index in graph.outputs:
        if index in found:
            found[index] = (found[index][0], steps)
    kept = (i for i, tensor in enumerate(graph.tensors) if tensor.is_variable)
    return found | dict.fromkeys(kept, (0, steps))


def _check_apart(
    name: str, graph: Graph, planned: list[int], places: npt.NDArray[np.int64]
) -> None:
    """Check that no two tensors share bytes at one time.

    Shapes: places: one row per planned tensor: start, end, first and last step.
    """
    start, end, first, last = places.T
    for row, index in enumerate(planned):
        shared = (start < end[row]) & (end > start[row])
        clash = shared & (first <= last[row]) & (last >= first[row]) & (first >= 0)
        clash[row] = False
        if first[row] >= 0 and clash.any():
            other = planned[int(np.flatnonzero(clash)[0])]
            found = f"shares memory with tensor {other} while both are needed"
            refuse("memory-plan", _label(name, graph, index), found, "tensors apart", _REMEDY)
