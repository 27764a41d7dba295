"""Comparisons of all 65,536 pairs, and casts of the real numbers at which something changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.ops import reference
from mcu_slm.rows import pack, unpack
from mcu_slm.verify.host import HostModel
from tests.models import merge, needs_judge
from tests.ops.cases_logic import RELATIONS, comparison

SCALES = {
    "alike": ((0.05, 0.05), (0, 0)),
    "shifted": ((0.05, 0.05), (-3, 4)),
    "unlike": ((0.0371, 0.0113), (13, -77)),
    "far apart": ((0.99, 0.0009), (5, -120)),
}
ALL_INT8 = np.arange(-128, 128, dtype=np.int8)
REALS = np.array([
    np.nan, np.inf, -np.inf, 3e38, -3e38, 2.0**31, -(2.0**31), 2147483520.0, 32768.5, -32769.5,
    32767.9, -32768.9, 300.7, -300.7, 128.0, 127.9, -128.9, -129.0, 0.99, -0.99, -0.0, 1e-40,
], np.float32)  # fmt: skip


def casts() -> Graph:
    """Return a graph that casts real numbers to every integer type."""
    b = GraphBuilder()
    x = b.tensor("x", REALS.shape, "float32")
    outputs = []
    for dtype in ("int8", "int16", "int32"):
        outputs.append(b.tensor(dtype, REALS.shape, dtype))
        b.node("CAST", [x], [outputs[-1]], in_data_type=0, out_data_type=0)
    return b.build([x], outputs)


@needs_judge
@pytest.mark.host
def test_casts_of_real_numbers_equal_the_judge_and_the_generated_c(tmp_path: Path) -> None:
    graph, windows = casts(), [REALS[None]]
    raw = tflite.write_model(graph)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    compiled = compile_model(graph, raw, tmp_path / "code")
    rows = HostModel(tmp_path / "code", compiled, tmp_path / "build").predict(
        pack(graph, graph.inputs, windows)
    )
    generated = unpack(graph, graph.outputs, rows)
    for number, theirs, c in zip(graph.outputs, judge.run(raw, windows), generated, strict=True):
        np.testing.assert_array_equal(values[number], theirs)
        np.testing.assert_array_equal(c, theirs)


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize("op", RELATIONS)
def test_all_pairs_compare_as_in_the_judge(op: str) -> None:
    shapes = (256, 1), (1, 256)
    graph = merge([comparison(op, name, shapes, *SCALES[name]).graph for name in SCALES])
    windows = [ALL_INT8.reshape(graph.tensor(number).shape)[None] for number in graph.inputs]
    values = reference.run(graph, ops.parse_graph(graph), windows)
    judged = judge.run(tflite.write_model(graph), windows)
    for number, theirs in zip(graph.outputs, judged, strict=True):
        np.testing.assert_array_equal(values[number], theirs)
        assert 0 < np.count_nonzero(theirs) < theirs.size
