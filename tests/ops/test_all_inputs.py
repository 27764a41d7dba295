"""Functions of few values, on all of them: 65,536 pairs of operands, 256 inputs of one operand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph
from mcu_slm.ops import reference
from mcu_slm.verify.host import HostModel
from tests.models import Windows, merge, needs_judge
from tests.ops.cases import pair, unary

ALL_INT8 = np.arange(-128, 128, dtype=np.int8)

SCALE_SETS = {
    "alike": ((0.05, 0.05, 0.1), (0, 0, 0), "NONE"),
    "unlike": ((0.0371, 0.0113, 0.0457), (13, -77, 31), "NONE"),
    "far apart": ((1.7, 0.0009, 0.9), (-128, 127, -128), "RELU"),
    "fine output": ((0.02, 0.03, 0.0003), (127, -128, 127), "NONE"),
    "clamped": ((0.09, 0.08, 0.11), (5, 6, -7), "RELU6"),
}


def all_pairs(op: str, name: str) -> Graph:
    """Return a graph in which 256 input values meet 256 constant values in every pair."""
    scales, zero_points, activation = SCALE_SETS[name]
    arguments = {"scales": scales, "zero_points": zero_points, "activation": activation}
    graph = pair(op, name, (256, 1), (1, 256), constant=2, **arguments).graph
    tensors = list(graph.tensors)
    tensors[1] = replace(tensors[1], data=ALL_INT8.reshape(1, 256))
    return replace(graph, tensors=tuple(tensors))


def referenced(graph: Graph, windows: Windows) -> Windows:
    return reference.run(graph, ops.parse_graph(graph), [windows])[graph.outputs[0]]


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_all_pairs_equal_the_judge(op: str) -> None:
    graphs = [all_pairs(op, name) for name in SCALE_SETS]
    window = ALL_INT8.reshape(1, 256, 1)
    outputs = judge.run(tflite.write_model(merge(graphs)), [window] * len(graphs))
    for name, graph, judged in zip(SCALE_SETS, graphs, outputs, strict=True):
        assert judged.size == 65_536
        np.testing.assert_array_equal(referenced(graph, window), judged, err_msg=name)


@pytest.mark.host
@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_all_pairs_in_generated_c_equal_the_reference(op: str, tmp_path: Path) -> None:
    window = ALL_INT8.reshape(1, 256, 1)
    for name in ("unlike", "far apart"):
        graph = all_pairs(op, name)
        found = on_host(graph, window, tmp_path / name)
        np.testing.assert_array_equal(found, referenced(graph, window).reshape(1, -1), err_msg=name)


def on_host(graph: Graph, windows: Windows, folder: Path) -> Windows:
    compiled = compile_model(graph, tflite.write_model(graph), folder / "code")
    return HostModel(folder / "code", compiled, folder / "build").predict(windows)


def rsqrt(number: int, rng: np.random.Generator) -> tuple[Graph, Windows]:
    """Return an RSQRT at random scales and all inputs that the judge takes (none negative)."""
    zero_point = (-128, 0, 100)[number] if number < 3 else int(rng.integers(-128, 127))
    source = (float(10 ** rng.uniform(-4, 0.5)), zero_point)
    target = (float(10 ** rng.uniform(-2.5, 0.5)), int(rng.integers(-128, 128)))
    window = np.maximum(ALL_INT8, zero_point).astype(np.int8).reshape(1, 1, 256)
    return unary("RSQRT", "all inputs", (1, 256), source, target).graph, window


@needs_judge
@pytest.mark.unit
def test_reciprocal_roots_of_all_inputs_equal_the_judge() -> None:
    rng = np.random.default_rng(5)
    graphs, windows = zip(*(rsqrt(number, rng) for number in range(24)), strict=True)
    outputs = judge.run(tflite.write_model(merge(graphs)), list(windows))
    for graph, window, judged in zip(graphs, windows, outputs, strict=True):
        np.testing.assert_array_equal(referenced(graph, window), judged)


@pytest.mark.host
def test_a_table_is_read_at_all_inputs_in_generated_c(tmp_path: Path) -> None:
    graph, window = rsqrt(0, np.random.default_rng(6))
    found = on_host(graph, window, tmp_path)
    np.testing.assert_array_equal(found, referenced(graph, window).reshape(1, 256))


def softmax_of_all_distances(scale: float) -> tuple[Graph, Windows]:
    """Return rows of a maximum and six equal values: the exponential depends on their distance."""
    rows = np.concatenate([np.full((256, 1), 127), np.repeat(ALL_INT8[:, None], 6, axis=1)], axis=1)
    graph = unary("SOFTMAX", "", (256, 7), (scale, 0), (1 / 256, -128), beta=1.0).graph
    return graph, rows.astype(np.int8)[None]


SOFTMAX_SCALES = (0.003, 0.02, 0.06, 0.11, 0.4)


@needs_judge
@pytest.mark.unit
def test_softmax_of_all_distances_equals_the_judge() -> None:
    made = [softmax_of_all_distances(scale) for scale in SOFTMAX_SCALES]
    graphs, windows = zip(*made, strict=True)
    outputs = judge.run(tflite.write_model(merge(graphs)), list(windows))
    for graph, window, judged in zip(graphs, windows, outputs, strict=True):
        np.testing.assert_array_equal(referenced(graph, window), judged)


@pytest.mark.host
@pytest.mark.parametrize("scale", SOFTMAX_SCALES)
def test_softmax_of_all_distances_in_generated_c(scale: float, tmp_path: Path) -> None:
    graph, window = softmax_of_all_distances(scale)
    expected = referenced(graph, window).reshape(1, -1)
    np.testing.assert_array_equal(on_host(graph, window, tmp_path), expected)


def flat_row(classes: int) -> tuple[Graph, Windows]:
    """Return a softmax and one row of equal values."""
    graph = unary("SOFTMAX", "", (1, classes), (0.1, 0), (1 / 256, -128), beta=1.0).graph
    return graph, np.full((1, 1, classes), 5, np.int8)


@needs_judge
@pytest.mark.unit
def test_the_judge_stops_at_512_equal_classes() -> None:
    """The reason for the definition below: where the judge answers, it is not needed."""
    graph, window = flat_row(511)
    np.testing.assert_array_equal(
        judge.run(tflite.write_model(graph), [window])[0], referenced(graph, window)
    )
    graph, window = flat_row(512)
    with pytest.raises(ModelError, match="crashed"):
        judge.run(tflite.write_model(graph), [window])


@pytest.mark.host
@pytest.mark.parametrize("classes", [512, 1000, 4095])
def test_each_of_many_equal_classes_has_probability_0(classes: int, tmp_path: Path) -> None:
    graph, window = flat_row(classes)
    assert np.unique(referenced(graph, window)).tolist() == [-128]
    assert np.unique(on_host(graph, window, tmp_path)).tolist() == [-128]
