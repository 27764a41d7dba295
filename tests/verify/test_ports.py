"""Models with several inputs and outputs, in rows of bytes from the judge to the generated C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import tflite
from mcu_slm.compile import compile_model
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.verify import Subject, graph_windows, run_legs
from tests.models import indices, needs_judge

pytestmark = [pytest.mark.host, needs_judge]


def two_by_two() -> Graph:
    """Two inputs of different sizes; sum and product of both, and the second input once more."""
    b = GraphBuilder()
    x = b.tensor("x", (1, 3, 5), scale=0.5, zero_point=-7)
    y = b.tensor("y", (5,), scale=0.25, zero_point=3)
    total = b.tensor("total", (1, 3, 5), scale=0.75, zero_point=1)
    product = b.tensor("product", (1, 3, 5), scale=4.0, zero_point=-2)
    b.node("ADD", [x, y], [total], version=2, fused_activation_function="NONE")
    b.node("MUL", [x, y], [product], version=2, fused_activation_function="NONE")
    return b.build([y, x], [product, total, y])


def test_every_leg_agrees_on_several_inputs_and_outputs(tmp_path: Path) -> None:
    graph = two_by_two()
    raw = tflite.write_model(graph)
    graph = tflite.read_model(raw)
    compiled = compile_model(graph, raw, tmp_path / "code")
    assert (compiled.input_bytes, compiled.output_bytes) == (20, 35)
    rows = graph_windows(graph, 40, seed=5)
    code, build = tmp_path / "code", tmp_path / "build"
    proof = run_legs(
        Subject(graph, raw, rows, (), code, compiled, build), ("tflm", "numpy", "host")
    )
    assert [(leg.status, leg.bytes) for leg in proof.legs] == [("ok", 40 * 35)] * 3
    assert proof.outputs is not None
    assert np.array_equal(proof.outputs[:, 30:], rows[:, :5])  # an input that is an output, too


def test_the_gap_before_an_output_of_larger_elements_is_zero_on_every_leg(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.tensor("x", (1, 9, 7), scale=0.5, zero_point=-7)
    small = b.tensor("small", (1, 7), scale=0.75, zero_point=1)
    real = b.tensor("real", (1, 7), "float32")
    b.node("MEAN", [x, indices(b, "axis", (1,))], [small], keep_dims=False)
    b.node("DEQUANTIZE", [small], [real])
    raw = tflite.write_model(b.build([x], [small, real]))
    graph = tflite.read_model(raw)
    compiled = compile_model(graph, raw, tmp_path / "code")
    assert compiled.output_bytes == 8 + 28
    rows = graph_windows(graph, 40, seed=5)
    code, build = tmp_path / "code", tmp_path / "build"
    assert compiled.arena_bytes < 63 + 7 + 36  # the row of outputs lies where the window was
    subject = Subject(graph, raw, rows, (), code, compiled, build)
    proof = run_legs(subject, ("tflm", "numpy", "host"))
    assert [leg.status for leg in proof.legs] == ["ok"] * 3


def test_a_fault_in_one_of_several_outputs_is_found(tmp_path: Path) -> None:
    graph = two_by_two()
    raw = tflite.write_model(graph)
    compiled = compile_model(graph, raw, tmp_path)
    source = tmp_path / "model.c"
    text = source.read_text()
    assert ".multiplier2 = " in text  # of the ADD that makes "total"
    source.write_text(text.replace(".multiplier2 = ", ".multiplier2 = -"))
    rows = graph_windows(graph, 8, seed=5)
    subject = Subject(graph, raw, rows, (), tmp_path, compiled, tmp_path / "build")
    _, host = run_legs(subject, ("tflm", "host")).legs
    assert host.status == "differs"
    assert host.difference is not None
    assert (host.difference.layer, host.difference.name) == (0, "total")
