"""Folding: the same constants as the judge computes, under the numbers of the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.ops import fold, reference
from mcu_slm.ops.folding import Fold
from mcu_slm.tflite.decode import Decoder
from mcu_slm.tflite.encode import encode_model
from tests.models import merge, needs_judge, unfolded_every_operator, windows_of
from tests.ops.cases_folded import FOLDED_CASES, Given, Result, folded, reshaped_by_its_shape

pytestmark = pytest.mark.unit


def folded_tensors(before: Graph, after: Graph) -> list[int]:
    """Return the numbers of the tensors that became constants."""
    pairs = zip(before.tensors, after.tensors, strict=True)
    return [n for n, (old, new) in enumerate(pairs) if old.data is None and new.data is not None]


@needs_judge
@pytest.mark.parametrize("op", sorted(FOLDED_CASES))
def test_every_folded_tensor_has_the_bytes_that_the_judge_computes(op: str) -> None:
    together = merge([case.graph for case in FOLDED_CASES[op]()])
    after = ops.fold_graph(together)
    numbers = folded_tensors(together, after)
    assert {node.op for node in after.nodes} <= {"ADD", "RESHAPE", "SELECT_V2"}
    assert op in {node.op for node in together.nodes}
    inputs = windows_of(together, 1, seed=1)
    judged = judge.run(tflite.write_model(together), inputs, tensors=numbers)
    for number, theirs in zip(numbers, judged[len(together.outputs) :], strict=True):
        ours = after.tensor(number).data
        assert ours is not None
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs[0].tobytes(), after.tensor(number).name


def test_numbers_of_tensors_stay_and_the_shape_reaches_reshape() -> None:
    graph = reshaped_by_its_shape().graph
    after = ops.fold_graph(graph)
    assert [node.op for node in after.nodes] == ["RESHAPE"]
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in graph.tensors]
    wanted = next(tensor.data for tensor in after.tensors if tensor.name == "wanted")
    np.testing.assert_array_equal(wanted, [1, -1])
    assert ops.fold_graph(after) is after
    assert (after.inputs, after.outputs) == (graph.inputs, graph.outputs)


@needs_judge
def test_a_whole_network_is_the_same_folded_or_not() -> None:
    graph = unfolded_every_operator()
    after = ops.fold_graph(graph)
    assert len(graph.nodes) - len(after.nodes) >= 14
    numbers = folded_tensors(graph, after)
    inputs = windows_of(graph, 1, seed=2)
    judged = judge.run(tflite.write_model(graph), inputs, tensors=numbers)
    for number, theirs in zip(numbers, judged[1:], strict=True):
        np.testing.assert_array_equal(after.tensor(number).data, theirs[0])


def test_more_than_the_limit_is_refused_before_it_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = folded(
        "BROADCAST_TO", "wide", [Given(7, "int32"), Given((1 << 20,), "int32")],
        [Result((1 << 20,), "int32")],
    ).graph  # fmt: skip
    monkeypatch.setattr(fold, "MAX_FOLDED_BYTES", (4 << 20) - 1)
    monkeypatch.setitem(ops.OPERATORS, "BROADCAST_TO", _Exploding)
    with pytest.raises(UnsupportedOperatorError, match="at most 4,194,303 bytes"):
        ops.fold_graph(graph)


class _Exploding:
    FOLD = Fold(("int32",), lambda _view: pytest.fail("it was computed"))


def test_repeated_costs_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_FOLDED_BYTES", 200)
    graph = merge([reshaped_by_its_shape().graph] * 6)
    with pytest.raises(UnsupportedOperatorError, match=r"layer \d+ \d/.*more constants are"):
        ops.fold_graph(graph)


def test_operands_that_would_broadcast_to_more_are_refused_before_they_do() -> None:
    operands = [Given(np.zeros((1 << 18, 1)), "int32"), Given(np.zeros((1, 1 << 18)), "int32")]
    graph = folded("MAXIMUM", "huge", operands, [Result((4,), "int32")]).graph
    with pytest.raises(ModelError, match="expected one that they broadcast to"):
        ops.fold_graph(graph)


def test_a_folded_output_of_the_model_stays_where_there_is_a_kernel() -> None:
    b = GraphBuilder()
    x = b.tensor("x", (2,), scale=0.1)
    data = b.tensor("data", (2,), "int32", data=[300, -7])
    narrow = b.tensor("narrow", (2,), scale=0.1)
    b.node("CAST", [data], [narrow], in_data_type=2, out_data_type=9)
    y = b.tensor("y", (2,), scale=0.1)
    b.node("RELU", [x], [y])
    graph = b.build([x], [y, narrow])
    assert ops.fold_graph(graph) is graph
    assert len(ops.parse_graph(graph)) == 2
    hidden = ops.fold_graph(replace(graph, outputs=(y,)))
    assert [node.op for node in hidden.nodes] == ["RELU"]


def test_weights_that_are_dequantised_for_a_float_layer_stay_refused() -> None:
    b = GraphBuilder()
    x, y = b.tensor("x", (1, 4), "float32"), b.tensor("y", (1, 2), "float32")
    stored = b.tensor("stored", (2, 4), scale=0.1, data=np.arange(8))
    weights = b.tensor("weights", (2, 4), "float32")
    b.node("DEQUANTIZE", [stored], [weights])
    b.node("FULLY_CONNECTED", [x, weights], [y], fused_activation_function="NONE")
    graph = ops.fold_graph(b.build([x], [y]))
    assert len(graph.nodes) == 2
    with pytest.raises(UnsupportedOperatorError, match=r"\(FULLY_CONNECTED\): .*float32.*Quantise"):
        ops.parse_graph(graph)


@needs_judge
def test_a_dynamic_batch_in_the_signature_changes_nothing() -> None:
    case = reshaped_by_its_shape()
    model = Decoder(tflite.write_model(case.graph), "model").model()
    for fields in model["subgraphs"][0]["tensors"]:
        if fields["name"] in ("x", "y"):
            fields["shape_signature"] = [-1, *fields["shape"].tolist()[1:]]
    raw = encode_model(model)
    graph = ops.fold_graph(tflite.read_model(raw))
    assert [node.op for node in graph.nodes] == ["RESHAPE"]
    windows = windows_of(graph, 5, seed=3)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    np.testing.assert_array_equal(values[graph.outputs[0]], judge.run(raw, windows)[0])
