"""What operator modules declare is what their cases show, and what the judge says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.ops.support import entry, support_of
from mcu_slm.ops.unavailable import UNAVAILABLE
from mcu_slm.pipeline import operators
from tests.models import needs_judge, windows_of
from tests.ops.cases import CASES

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def shown_types(op: str) -> tuple[set[str], set[str]]:
    """Return the types that the cases of an operator run with, and those that they fold."""
    support = support_of(ops.OPERATORS[op])
    runs, folds = set(), set()
    for case in CASES[op]():
        after = ops.fold_graph(case.graph)
        for node, operator in zip(after.nodes, ops.parse_graph(after), strict=True):
            if node.op == op:
                targets = [after.tensor(index).dtype for index in after.value_outputs(node)][:1]
                sources = targets
                if operator.activations:
                    sources = [after.tensor(node.inputs[support.subject(operator)]).dtype]
                pairs = zip(sources, targets or sources, strict=True)
                runs |= {entry(source, target) for source, target in pairs}
        for node in case.graph.nodes:
            if node.op == op and node not in after.nodes and support.fold is not None:
                folds.add(case.graph.tensor(node.inputs[support.fold.subject]).dtype)
    return runs, folds


@pytest.mark.parametrize("op", sorted(ops.OPERATORS))
def test_declared_types_are_those_of_the_cases(op: str) -> None:
    support = support_of(ops.OPERATORS[op])
    assert shown_types(op) == (set(support.runs), set(support.folds))
    assert support.runs or support.folds or support.note


def test_the_page_is_what_the_modules_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == operators.markdown(), "write it again: make operators"
    assert "| SHAPE | - | - |" in page
    assert "| ARG_MAX | int8 -> int32 | portable | - |" in page


def test_the_table_says_the_same_in_all_forms() -> None:
    listed = operators.to_json()
    assert [row["operator"] for row in listed["operators"]] == sorted(ops.OPERATORS)
    assert set(listed["unavailable"]) == set(UNAVAILABLE)
    text = f"\n{operators.text()}"
    assert all(f"\n{name} " in text for name in ops.OPERATORS)
    assert "\nNEG: TensorFlow Lite Micro runs it in float32 only. Use SUB" in text


def unsupported_layer(op: str, dtype: str) -> Graph:
    """Return a graph of one operator of the table of what the judge cannot run."""
    b = GraphBuilder()
    scale = 0.05 if dtype == "int8" else None

    def tensor(name: str, shape: tuple[int, ...], kind: str = dtype) -> int:
        return b.tensor(name, shape, kind, scale=scale if kind == dtype else None)

    def number(name: str, values: object, kind: str = "int32") -> int:
        shape = () if isinstance(values, int) else (len(values),)  # type: ignore[arg-type]
        return b.tensor(name, shape, kind, scale=scale if kind == dtype else None, data=values)

    x = tensor("x", (1, 2, 2, 1))
    y = tensor("y", (1, 2, 2, 1))
    inputs, outputs, options = [x], [y], {}
    if op == "POW":
        inputs = [x, x]
    elif op == "SELECT":
        inputs = [
            b.tensor("condition", (1, 2, 2, 1), "bool", data=[[[[1], [0]], [[1], [1]]]]),
            x,
            x,
        ]
    elif op == "TILE":
        inputs, outputs = [x, number("multiples", (1, 2, 1, 1))], [tensor("wide", (1, 4, 2, 1))]
    elif op == "REDUCE_PROD":
        inputs, outputs = [x, number("axis", (1,))], [tensor("product", (1, 2, 1))]
    elif op == "TOPK_V2":
        inputs = [x, number("k", 1)]
        outputs = [tensor("best", (1, 2, 2, 1)), b.tensor("place", (1, 2, 2, 1), "int32")]
    elif op == "L2_POOL_2D":
        sizes = {"filter_width": 1, "filter_height": 1, "stride_w": 1, "stride_h": 1}
        options = {**sizes, "padding": "VALID", "fused_activation_function": "NONE"}
    b.node(op, inputs, outputs, **options)
    return b.build([x], outputs)


@needs_judge
@pytest.mark.parametrize("op", sorted(UNAVAILABLE))
def test_the_judge_cannot_run_what_the_table_says(op: str) -> None:
    """When this fails, the pinned judge has learned the operator: give it a module."""
    graph = unsupported_layer(op, "int8")
    with pytest.raises(ModelError):
        judge.run(tflite.write_model(graph), windows_of(graph, 1, seed=1))
    remedy = UNAVAILABLE[op].remedy
    with pytest.raises(UnsupportedOperatorError, match=f"{op} has no INT8 kernel") as caught:
        ops.parse_graph(ops.fold_graph(graph))
    assert caught.value.remedy == remedy
    real = unsupported_layer(op, "float32")
    if "float32 only" in UNAVAILABLE[op].reason:
        assert judge.run(tflite.write_model(real), windows_of(real, 1, seed=1))
    else:
        with pytest.raises(ModelError):
            judge.run(tflite.write_model(real), windows_of(real, 1, seed=1))


def test_no_operator_is_in_both_tables() -> None:
    assert not set(UNAVAILABLE) & set(ops.OPERATORS)
