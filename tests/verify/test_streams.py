"""Models that keep state: every leg runs one stream, and differences are named where they arise."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.ir import Graph
from mcu_slm.ops import reference
from mcu_slm.rows import unpack
from mcu_slm.verify import LegResult, Subject, graph_windows, run_legs
from mcu_slm.verify.host import HostModel
from tests.models import needs_judge, windows_of
from tests.streaming_layers import streaming

WINDOWS = 16


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    graph = streaming()
    raw = tflite.write_model(graph)
    compiled = compile_model(graph, raw, tmp_path / "code")
    windows = graph_windows(graph, WINDOWS, seed=9)
    return Subject(graph, raw, windows, (), tmp_path / "code", compiled, tmp_path / "build")


def layer_of(graph: Graph, op: str, nth: int = 0) -> int:
    return [index for index, node in enumerate(graph.nodes) if node.op == op][nth]


def spoil(subject: Subject, file: str, pattern: str, change: Callable[[str], str]) -> None:
    """Change the last group of a pattern in the generated code."""
    assert subject.code is not None
    path = subject.code / file
    text = path.read_text()
    match = re.search(pattern, text)
    assert match is not None
    start, end = match.span(match.lastindex or 0)
    path.write_text(text[:start] + change(match[match.lastindex or 0]) + text[end:])


def host_leg(subject: Subject) -> LegResult:
    return run_legs(subject, ["tflm", "host"]).legs[1]


@needs_judge
@pytest.mark.host
def test_all_legs_run_the_same_stream(subject: Subject) -> None:
    proof = run_legs(subject, ["tflm", "numpy", "host"])
    size = subject.windows.shape[0] * 3
    assert [(r.leg, r.status, r.bytes) for r in proof.legs] == [
        ("tflm", "ok", size),
        ("numpy", "ok", size),
        ("host", "ok", size),
    ]


@needs_judge
@pytest.mark.unit
def test_a_stream_is_not_its_windows_one_by_one(subject: Subject) -> None:
    inputs = unpack(subject.graph, subject.graph.inputs, subject.windows)
    stream = judge.run(subject.raw, inputs)[0]
    alone = np.concatenate([judge.run(subject.raw, [x[None]])[0] for x in inputs[0][:4]])
    turned = judge.run(subject.raw, [inputs[0][::-1]])[0][::-1]
    assert np.array_equal(stream[0], alone[0])
    assert all(not np.array_equal(a, b) for a, b in zip(stream[1:4], alone[1:], strict=True))
    assert not np.array_equal(stream, turned)


@pytest.mark.host
def test_every_prediction_of_windows_begins_a_new_stream(subject: Subject) -> None:
    assert subject.code is not None
    assert subject.compiled is not None
    assert subject.build_dir is not None
    model = HostModel(subject.code, subject.compiled, subject.build_dir)
    first = model.predict(subject.windows)
    np.testing.assert_array_equal(model.predict(subject.windows), first)
    np.testing.assert_array_equal(model.predict(subject.windows[:5]), first[:5])
    assert not np.array_equal(model.predict(subject.windows[5:]), first[5:])


@pytest.mark.unit
def test_the_state_lies_beside_the_arena_and_is_counted(subject: Subject) -> None:
    assert subject.code is not None
    assert subject.compiled is not None
    rings, memories = 4 * 3 + (1 * 3 + 1), 2 * 6 * 2 * 4 + (3 * 3 + 3)  # each to whole words
    assert subject.compiled.state_bytes == rings + memories
    header = (subject.code / "model.h").read_text()
    assert f"#define MCU_SLM_MODEL_STATE_BYTES {rings + memories}\n" in header
    assert f"#define MCU_SLM_MODEL_ARENA_BYTES {subject.compiled.arena_bytes}\n" in header


@needs_judge
@pytest.mark.host
def test_a_wrong_start_value_is_traced_to_the_layer_that_reads_it(subject: Subject) -> None:
    spoil(subject, "model_weights.c", r"mcu_slm_start_ring\[12\] = {\n +/.*/\n +(-?\d+)", _flipped)
    result = host_leg(subject)
    index = layer_of(subject.graph, "READ_VARIABLE")
    assert result.status == "differs"
    assert result.difference is not None
    found = result.difference
    assert (found.layer, found.op, found.name) == (index, "READ_VARIABLE", "ring_before")
    assert (found.window, found.element) == (0, 0)


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize(
    ("state", "op", "nth"), [("REST", "READ_VARIABLE", 1), ("MEMORY_2", "SVDF", 1)]
)
def test_a_wrong_byte_to_start_with_is_traced(
    state: str, op: str, nth: int, subject: Subject
) -> None:
    spoil(subject, "model.c", rf"memset\(STATE_{state}, (-?\d+),", _flipped)
    result = host_leg(subject)
    assert result.status == "differs"
    assert result.difference is not None
    assert result.difference.layer == layer_of(subject.graph, op, nth)


def _flipped(text: str) -> str:
    """Flip the sign bit of an int8 value."""
    return str((int(text) ^ 0x80) - (256 if (int(text) ^ 0x80) > 127 else 0))


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize(("factor", "bit", "earliest"), [("feature", 64, 0), ("time", 1 << 13, 3)])
def test_a_wrong_weight_is_traced_with_its_sum(
    factor: str, bit: int, earliest: int, subject: Subject
) -> None:
    index = layer_of(subject.graph, "SVDF")
    symbol = rf"mcu_slm_{index:02}_svdf_{factor}\[\d+\] = \{{[^}}]*/\* 2 \*/\n    (-?\d+)"
    spoil(subject, "model_weights.c", symbol, lambda text: str(int(text) ^ bit))
    result = host_leg(subject)
    assert result.status == "differs"
    found = result.difference
    assert found is not None
    assert (found.layer, found.op) == (index, "SVDF")
    assert found.element == 1  # filter 2 of rank 2 is the first of unit 1
    assert found.window >= earliest  # the weight of the oldest step counts once there are four
    check_explanation(subject, result)


def check_explanation(subject: Subject, result: LegResult) -> None:
    """The sum is that of the stream up to there, and leads to the expected value."""
    found = result.difference
    assert found is not None
    graph, operators = subject.graph, ops.parse_graph(subject.graph)
    inputs = unpack(graph, graph.inputs, subject.windows[: found.window + 1])
    values = reference.run(graph, operators, inputs)
    node, operator = graph.nodes[found.layer], operators[found.layer]
    one = [values[node.inputs[place]][-1:] for place in (0, 4)]
    sums = operator.accumulators(one)
    assert sums is not None
    assert found.accumulator == sums.reshape(-1)[found.element]
    assert found.expected == values[node.outputs[0]][-1].reshape(-1)[found.element] != found.found


@needs_judge
@pytest.mark.host
def test_what_goes_wrong_in_an_early_window_is_named_there(subject: Subject) -> None:
    """The copy back into the ring loses its last row: the next window reads it."""
    spoil(subject, "model.c", r"mcu_slm_copy_rows_s8\(1, (12), TENSOR_RING_KEPT", lambda _: "9")
    result = host_leg(subject)
    assert result.status == "differs"
    assert result.difference is not None
    assert result.difference.name == "ring_before"
    assert result.difference.window == 1


@needs_judge
@pytest.mark.unit
def test_a_wrong_reference_is_traced_through_the_stream(subject: Subject) -> None:
    """The judge gets another bias than the reference, in the second of two layers over time."""
    graph = subject.graph
    index = layer_of(graph, "SVDF", 1)
    bias = graph.nodes[index].inputs[3]
    tensors = list(graph.tensors)
    data = tensors[bias].data
    assert data is not None
    tensors[bias] = replace(tensors[bias], data=data + 900)
    other = replace(subject, raw=tflite.write_model(replace(graph, tensors=tuple(tensors))))
    result = run_legs(other, ["tflm", "numpy"]).legs[1]
    assert result.status == "differs"
    assert result.difference is not None
    assert (result.difference.layer, result.difference.op) == (index, "SVDF")


@needs_judge
@pytest.mark.unit
def test_wrong_start_values_of_the_reference_are_traced(subject: Subject) -> None:
    graph = subject.graph
    start = graph.start_values["ring"]
    assert start.data is not None
    turned = replace(start, data=start.data[:, ::-1])
    other = tflite.write_model(replace(graph, start_values={"ring": turned}))
    result = run_legs(replace(subject, raw=other), ["tflm", "numpy"]).legs[1]
    assert result.difference is not None
    assert (result.difference.name, result.difference.window) == ("ring_before", 0)


@needs_judge
@pytest.mark.unit
def test_inner_values_of_a_stream_are_the_judges(subject: Subject) -> None:
    graph = subject.graph
    inputs = windows_of(graph, 10, seed=2)
    tensors = [tensor for node in graph.nodes for tensor in graph.value_outputs(node)]
    judged = judge.run(subject.raw, inputs, tensors=tensors)[1:]
    values = reference.run(graph, ops.parse_graph(graph), inputs)
    for tensor, array in zip(tensors, judged, strict=True):
        np.testing.assert_array_equal(values[tensor].reshape(array.shape), array)
