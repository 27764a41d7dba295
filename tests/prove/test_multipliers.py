"""Exact multipliers: known numbers, the product's own on random graphs, and wrong ones found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from mcu_slm import ops, tflite
from mcu_slm.ir import Graph
from mcu_slm.ops.mul import Mul
from mcu_slm.quant import Multiplier
from tests.prove.graphs import graph
from tests.prove.multipliers import FORMULAS, compare_multipliers, pair, rounded

pytestmark = pytest.mark.unit


def test_known_multipliers() -> None:
    assert pair(Fraction(1)) == (2**30, 1)
    assert pair(Fraction(3, 4)) == (3 * 2**29, 0)
    assert pair(Fraction(0)) == (0, 0)
    assert pair(Fraction(1, 2**33)) == (0, 0)
    assert pair(Fraction(1, 2**32)) == (2**30, -31)
    # Just below a power of two the mantissa rounds up to it.
    assert pair(1 - Fraction(1, 2**40)) == (2**30, 1)
    # Half a step of the mantissa goes up.
    assert pair(Fraction(2**31 + 1, 2**32)) == (2**30 + 1, 0)


def test_float64_comes_before_the_mantissa() -> None:
    """What lies a little below half a step is half a step in 53 bits, and goes up."""
    half = Fraction(2**31 + 1, 2**32)
    assert pair(half - Fraction(1, 2**60)) == pair(half)
    assert pair(half - Fraction(1, 2**50)) == (2**30, 0)
    assert rounded(Fraction(2**53 + 1), 53) == 2**53
    assert rounded(Fraction(2**53 + 3), 53) == 2**53 + 4


def test_all_multipliers_of_random_graphs_are_the_exact_ones() -> None:
    seen: Counter[str] = Counter()
    for number in range(300):
        made = ops.fold_graph(tflite.read_model(tflite.write_model(graph(2, number))))
        operators = ops.parse_graph(made)
        count, wrong = compare_multipliers(made, operators)
        assert not wrong, f"graph {number}: {wrong}"
        assert count == sum(len(operator.requantization()) for operator in operators)
        seen += Counter(
            node.op
            for node, operator in zip(made.nodes, operators, strict=True)
            if operator.requantization()
        )
    assert set(seen) == set(FORMULAS)


def with_multiplication() -> Graph:
    made = (graph(2, number) for number in range(100))
    found = next(
        g for g in made if any(isinstance(o, Mul) for o in ops.parse_graph(ops.fold_graph(g)))
    )
    return ops.fold_graph(tflite.read_model(tflite.write_model(found)))


def test_an_operator_without_a_formula_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_multiplication()
    monkeypatch.delitem(FORMULAS, "MUL")
    _, said = compare_multipliers(made, ops.parse_graph(made))
    assert said.endswith("(MUL): no formula in tests/prove/multipliers.py")


def test_a_multiplier_that_is_one_off_is_found() -> None:
    made = with_multiplication()
    wrong = []
    for operator in ops.parse_graph(made):
        if isinstance(operator, Mul):
            m = operator.output
            operator = replace(operator, output=Multiplier(m.multiplier + 1, m.shift))  # noqa: PLW2901
        wrong.append(operator)
    _, said = compare_multipliers(made, wrong)
    assert "(MUL): (" in said
