"""The generator: what it covers, that it repeats itself, that our own checker accepts all of it."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.ir import HANDLE, Graph
from mcu_slm.ops.quantize import TARGETS
from mcu_slm.rows import unpack
from tests.prove.families import MAKERS
from tests.prove.graphs import MOST_OPERATORS, graph
from tests.prove.numbers import MOST_ELEMENTS
from tests.prove.windows import WINDOWS, windows

pytestmark = pytest.mark.unit

SEED, GRAPHS = 1, 600


@pytest.fixture(scope="module")
def graphs() -> list[Graph]:
    return [graph(SEED, number) for number in range(GRAPHS)]


def test_every_operator_has_a_generator() -> None:
    missing = set(ops.OPERATORS) - set(MAKERS)
    assert not missing, f"no maker in tests/prove/families for {', '.join(sorted(missing))}"
    assert set(MAKERS) == set(ops.OPERATORS)


def test_a_graph_depends_on_seed_and_number_only() -> None:
    first = [tflite.write_model(graph(7, number)) for number in range(20)]
    again = [tflite.write_model(graph(7, number)) for number in reversed(range(20))]
    assert first == again[::-1]
    assert len(set(first)) == 20
    assert tflite.write_model(graph(8, 0)) != first[0]


def test_our_checker_accepts_every_graph(graphs: list[Graph]) -> None:
    for made in graphs:
        ops.parse_graph(ops.fold_graph(tflite.read_model(tflite.write_model(made))))


def test_graphs_use_every_operator_type_and_fused_activation(graphs: list[Graph]) -> None:
    nodes = [node for made in graphs for node in made.nodes]
    counts = Counter(node.op for node in nodes)
    assert set(counts) == set(MAKERS)
    assert min(counts.values()) >= 15
    fused = {node.options.get("fused_activation_function", "NONE") for node in nodes}
    assert fused == {"NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH"}
    activations = {
        made.tensor(tensor).dtype
        for made in graphs
        for node in made.nodes
        for tensor in node.outputs
    } | {made.tensor(tensor).dtype for made in graphs for tensor in made.inputs}
    assert activations == {*TARGETS, "bool", "int64", HANDLE}
    outputs = {made.tensor(tensor).dtype for made in graphs for tensor in made.outputs}
    assert outputs == {*TARGETS, "bool", "int64"}


def test_graphs_have_every_shape_of_graph(graphs: list[Graph]) -> None:
    lengths = {len(made.nodes) for made in graphs}
    assert set(range(1, MOST_OPERATORS + 1)) <= lengths
    assert max(lengths) < 3 * MOST_OPERATORS  # a chain of constants is never cut
    assert {1, 2, 3} <= {len(made.inputs) for made in graphs}
    assert {1, 2, 3, 4, 5} <= {len(made.outputs) for made in graphs}
    readers = [Counter(i for node in made.nodes for i in set(node.inputs)) for made in graphs]
    assert sum(max(counts.values()) > 1 for counts in readers) > GRAPHS // 4
    pairs = list(zip(graphs, readers, strict=True))
    assert sum(any(t in counts for t in made.outputs) for made, counts in pairs) > GRAPHS // 8
    dead = [
        any(
            t not in counts and t not in made.outputs for node in made.nodes for t in node.outputs
        )
        for made, counts in pairs
    ]  # fmt: skip
    assert sum(dead) > GRAPHS // 8
    assert any(set(made.inputs) & set(made.outputs) for made in graphs)
    assert any(len(set(made.outputs)) < len(made.outputs) for made in graphs)


def test_sizes_scales_and_zero_points_reach_their_corners(graphs: list[Graph]) -> None:
    tensors = [tensor for made in graphs for tensor in made.tensors if tensor.dtype == "int8"]
    assert {len(tensor.shape) for tensor in tensors} == set(range(7))
    assert set(range(1, 18)) <= {n for tensor in tensors for n in tensor.shape}
    assert max(math.prod(tensor.shape) for tensor in tensors) <= 4 * MOST_ELEMENTS
    quantized = [tensor.quantization for tensor in tensors if tensor.quantization is not None]
    assert {-128, 127, 0} <= {q.zero_point for q in quantized}
    assert min(q.scale for q in quantized) < 1e-6
    assert max(q.scale for q in quantized) > 100.0
    assert any(q.per_channel for q in quantized)
    shifts = [
        multiplier.shift
        for made in graphs
        for operator in ops.parse_graph(ops.fold_graph(made))
        for multiplier in operator.requantization()
    ]
    assert min(shifts) < -20
    assert max(shifts) > 15


def test_constants_and_streams_are_there(graphs: list[Graph]) -> None:
    folded = [len(made.nodes) - len(ops.fold_graph(made).nodes) for made in graphs]
    assert sum(count > 0 for count in folded) > GRAPHS // 4
    assert max(folded) >= 8
    streams = [made for made in graphs if made.keeps_state]
    assert len(streams) > GRAPHS // 10
    variables = [v for made in streams for v in made.variables.values()]
    assert any(len(v.assignments) > 1 and len(v.reads) > 1 for v in variables)
    assert any(v.name in made.start_values for made in streams for v in made.variables.values())
    assert any(made.variables and not made.start_values for made in streams)
    assert not any(
        node.op == "UNIDIRECTIONAL_SEQUENCE_LSTM" for made in streams for node in made.nodes
    )


def test_windows_of_real_numbers_reach_beyond_int8() -> None:
    made = next(
        made
        for made in (graph(SEED, number) for number in range(GRAPHS))
        if any(made.tensor(t).dtype == "float32" for t in made.inputs)
    )
    arrays = unpack(made, made.inputs, windows(made, 3))
    (real, *_) = [array for array in arrays if array.dtype == np.float32]
    assert len(real) == WINDOWS
    assert np.abs(real[-1]).max() > 20 * np.abs(real[:10]).max()
