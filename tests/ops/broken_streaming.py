"""Broken layers that keep state: a sound case, a change, the message."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcu_slm.ir import Graph
from tests.ops.case import Case
from tests.ops.cases_recurrent import lstm
from tests.ops.cases_streaming import assigned_before_it_is_read, ring, svdf
from tests.ops.changes import Change, no_option, node, options, output, scale, tensor

SVDF = svdf("sound", (2, 3), 2, rank=2, steps=5)
NARROW = svdf("sound, int8 memory", (1, 3), 2, memory="int8", steps=2)
RING = ring("sound", (1, 1, 2), 3, "ring", (5, 6))
PASSED = assigned_before_it_is_read()
STREAMING_SOUND: list[Case] = [SVDF, NARROW, RING, PASSED]

CALL, HANDLE, READ, ASSIGN = 0, 1, 2, 5
"""Layers of the ring."""


def at(index: int, change: Change) -> Change:
    """Apply a change of the first layer to another."""

    def changed(graph: Graph) -> Graph:
        nodes = graph.nodes
        first = replace(graph, nodes=(nodes[index], *nodes[:index], *nodes[index + 1 :]))
        found = change(first)
        rest = found.nodes[1:]
        return replace(found, nodes=(*rest[:index], found.nodes[0], *rest[index:]))

    return changed


def _start(**fields: object) -> Change:
    """Change the ring's start value."""

    def change(graph: Graph) -> Graph:
        start = replace(graph.start_values["ring"], **fields)  # type: ignore[arg-type]
        return replace(graph, start_values={"ring": start})

    return change


def _never_assigned(graph: Graph) -> Graph:
    return replace(graph, nodes=graph.nodes[:ASSIGN], start_values={})


def _shared_memory(graph: Graph) -> Graph:
    """Let a second layer use the same memory."""
    return replace(graph, nodes=(*graph.nodes, graph.nodes[0]))


def _beside_lstm(graph: Graph) -> Graph:
    return replace(graph, nodes=(*graph.nodes, *SVDF.graph.nodes))


STREAMING_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("SVDF", "count"): (SVDF, node(inputs=(0, 1, 2, 3)), "4 inputs; expected 5"),
    ("SVDF", "no bias"): (SVDF, node(inputs=(0, 1, 2, -1, 4)), "input 3 is missing"),
    ("SVDF", "rank 0"): (SVDF, options(rank=0), "rank 0 of 4 filters; expected a divisor"),
    ("SVDF", "rank 3"): (SVDF, options(rank=3), "rank 3 of 4 filters; expected a divisor"),
    ("SVDF", "no rank"): (SVDF, no_option("rank"), "option rank is missing"),
    ("SVDF", "input"): (SVDF, tensor(0, shape=(2, 3, 1)), "x has rank 3; expected 2"),
    ("SVDF", "feature"): (SVDF, tensor(1, shape=(3, 4)), r"feature: \(3, 4\); expected \(4, 3\)"),
    ("SVDF", "output"): (SVDF, output(shape=(2, 4)), r"output \(2, 4\); expected \(2, 2\)"),
    ("SVDF", "asymmetric"): (SVDF, tensor(1, quantization=scale(1.0, 3)), "zero_point is 3"),
    ("SVDF", "asymmetric time"): (
        SVDF, tensor(2, quantization=scale(2.0**-15, 3)), "time: zero_point is 3; expected 0",
    ),
    ("SVDF", "run time"): (SVDF, tensor(2, data=None), "time is computed at run time"),
    ("SVDF", "other type"): (SVDF, tensor(4, dtype="int8"), "time has type int16; expected int8"),
    ("SVDF", "float memory"): (SVDF, tensor(4, dtype="float32"), "memory has type float32"),
    ("SVDF", "no variable"): (SVDF, tensor(4, is_variable=False), "memory is no variable"),
    ("SVDF", "memory"): (NARROW, tensor(4, shape=(1, 5)), r"memory has shape \(1, 5\); .*\(1, 4\)"),
    ("SVDF", "shared memory"): (SVDF, _shared_memory, "memory is used elsewhere too"),
    ("SVDF", "bias scale"): (SVDF, tensor(3, quantization=scale(0.1)), "bias has scale 0.1.*time"),
    ("SVDF", "bias"): (SVDF, tensor(3, data=np.zeros(3, np.int32)), "bias has 3 entries"),
    ("SVDF", "fine output"): (SVDF, output(quantization=scale(1e-30)), "left shift of"),
    ("UNIDIRECTIONAL_SEQUENCE_LSTM", "stream"): (
        lstm("beside", (1, 4, 3), 2), _beside_lstm, "an LSTM beside layers that keep state",
    ),
    ("CALL_ONCE", "count"): (RING, at(CALL, node(inputs=(0,))), "1 inputs; expected 0"),
    ("VAR_HANDLE", "count"): (RING, at(HANDLE, node(inputs=(0,))), "1 inputs; expected 0"),
    ("VAR_HANDLE", "no name"): (RING, at(HANDLE, no_option("shared_name")), "shared_name is miss"),
    ("READ_VARIABLE", "count"): (RING, at(READ, node(inputs=(0, 0))), "2 inputs; expected 1"),
    ("READ_VARIABLE", "no handle"): (RING, at(READ, node(inputs=(0,))), "is no handle of a var"),
    ("ASSIGN_VARIABLE", "read without scale"): (
        PASSED, at(3, output(quantization=None)), "y has no scale",
    ),
    ("READ_VARIABLE", "float"): (RING, at(READ, output(dtype="float32")), "has type float32"),
    ("READ_VARIABLE", "start"): (
        RING, _start(shape=(1, 2, 3)), r"\[1, 2, 3\] as ring/start, another value of ring",
    ),
    ("READ_VARIABLE", "start type"): (
        RING, _start(dtype="int16"), "ring/start has type int16; expected int8",
    ),
    ("READ_VARIABLE", "never assigned"): (RING, _never_assigned, "ring is never assigned"),
    ("ASSIGN_VARIABLE", "count"): (RING, at(ASSIGN, node(inputs=(5,))), "1 inputs; expected 2"),
    ("ASSIGN_VARIABLE", "no handle"): (
        RING, at(ASSIGN, node(inputs=(0, 0))), "input 0 is no handle",
    ),
    ("ASSIGN_VARIABLE", "outputs"): (RING, at(ASSIGN, node(outputs=(0,))), "1 outputs; expected 0"),
    ("ASSIGN_VARIABLE", "shape"): (
        RING, at(ASSIGN, node(inputs=(5, 0))), r"x has shape \[1, 1, 2\]; .*\[1, 3, 2\] as ring",
    ),
}  # fmt: skip
