"""Layers that write over their input: as near to it as they may, and not nearer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.ir import GraphBuilder
from mcu_slm.ops import reference
from mcu_slm.ops.clearance import clearance, elementwise_clearance, nested
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.rows import pack
from mcu_slm.verify.host import HostModel
from tests.models import random_weights, windows_of
from tests.ops.cases import RUN_CASES

WITHOUT = frozenset(
    """
    ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE BATCH_TO_SPACE_ND BROADCAST_TO CALL_ONCE CAST
    CONCATENATION CUMSUM DEPTH_TO_SPACE DYNAMIC_UPDATE_SLICE EMBEDDING_LOOKUP EQUAL EXPAND_DIMS
    GATHER GATHER_ND GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_NOT LOGICAL_OR
    MIRROR_PAD NOT_EQUAL PACK PAD PADV2 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2
    SELECT_V2 SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQUEEZE STRIDED_SLICE SVDF
    TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE READ_VARIABLE
    """.split()
)
"""Operators that never write over an input: most of them move bytes in other orders."""


@pytest.mark.unit
def test_every_other_operator_writes_over_its_input_somewhere() -> None:
    found = set()
    for cases in RUN_CASES.values():
        for case in cases():
            graph = ops.fold_graph(case.graph)
            for node, operator in zip(graph.nodes, ops.parse_graph(graph), strict=True):
                reads = range(len(operator.activations))
                if any(operator.clearance(position) is not None for position in reads):
                    found.add(node.op)
    assert found == set(RUN_CASES) - WITHOUT


@pytest.mark.unit
def test_the_distance_is_that_of_the_worst_step() -> None:
    assert clearance([1, 2, 3], [0, 1, 2]) == 1
    assert clearance([4, 8, 12], [0, 2, 4]) == 8
    assert clearance([1, 2, 3], [5, 0, 9]) == 2  # what is read late counts from the start
    assert clearance([1], [7]) == 0
    assert elementwise_clearance(5) == elementwise_clearance(5, 4, 1) == 0
    assert elementwise_clearance(5, 1, 4) == 12
    assert nested((2, 3), (10, 1)).tolist() == [0, 1, 2, 10, 11, 12]


def convolution() -> GraphBuilder:
    b, rng = GraphBuilder(), np.random.default_rng(5)
    x = b.tensor("x", (1, 9, 7, 4), scale=0.1)
    weights, _ = random_weights(b, rng, (4, 3, 3, 4))
    y = b.tensor("y", (1, 9, 7, 4), scale=0.3)
    b.node("CONV_2D", [x, weights], [y], padding="SAME", stride_w=1, stride_h=1)
    return b


@pytest.mark.host
@pytest.mark.parametrize("nearer", [0, 4])
def test_one_word_nearer_than_allowed_gives_other_bytes(
    nearer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pixel above and to the left is still read: not one word less."""
    graph = convolution().build([0], [2])
    allowed = ops.parse_graph(graph)[0].clearance(0)
    assert allowed == (7 + 1) * 4
    monkeypatch.setattr(Conv2D, "clearance", lambda *_: allowed - nearer)
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    assert compiled.arena_bytes == 9 * 7 * 4 + allowed - nearer
    windows = windows_of(graph, 8, seed=1)
    expected = reference.run(graph, ops.parse_graph(graph), windows)[2]
    model = HostModel(tmp_path / "code", compiled, tmp_path / "build")
    found = model.predict(pack(graph, graph.inputs, windows))
    assert np.array_equal(found, expected.reshape(8, -1)) == (nearer == 0)
