"""The short form of ADD and SUB: exact on all pairs where it is found, refused where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcu_slm import ops
from mcu_slm.ops.add import InOneShift, Sum
from mcu_slm.ops.short_sum import ShortSum, SumTable, find_short_sum
from mcu_slm.quant import INT32_MAX, Int64, snap_scale
from tests.ops.builders import pair

pytestmark = pytest.mark.unit

X = np.arange(-128, 128, dtype=np.int64)


def parsed(op: str, scales: tuple[float, float, float], points: tuple[int, int, int]) -> Sum:
    graph = pair(op, "any", (1, 4), (1, 4), scales=scales, zero_points=points).graph
    (operator,) = ops.parse_graph(graph)
    assert isinstance(operator, Sum)
    return operator


def on_all_pairs(form: ShortSum) -> Int64:
    """Return what the C code computes, once it is known that nothing leaves int32."""
    first, second = (X * multiplier for multiplier in form.multipliers)
    total = first[:, None] + (second + form.addend)[None, :]
    assert max(int(np.abs(part).max()) for part in (first, second, total)) <= INT32_MAX
    return total >> form.shift


@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_forms_that_are_found_equal_three_requantisations_on_all_pairs(op: str) -> None:
    rng = np.random.default_rng(12)
    found = 0
    for number in range(60):
        scales = [float(np.float32(s)) for s in 10 ** rng.uniform(-2, -1, 3)]
        if number % 3 == 1:
            scales = [snap_scale(s) for s in scales]
        if number % 3 == 2:  # every other sum is a tie
            scales = (2.0 ** rng.integers(-6, 0, 3)).tolist()
        points = tuple(int(z) for z in rng.integers(-128, 128, 3))
        operator = parsed(op, (scales[0], scales[1], scales[2]), (points[0], points[1], points[2]))
        if isinstance(operator, InOneShift):
            found += 1
            expected = operator.combine(X[:, None], X[None, :])
            np.testing.assert_array_equal(np.clip(on_all_pairs(operator.form), -128, 127), expected)
    assert found >= 57


def test_ties_that_the_rounding_of_an_operand_decides_have_no_short_form() -> None:
    assert not isinstance(parsed("ADD", (0.05, 0.03, 0.06), (4, -9, 2)), InOneShift)


def test_one_byte_that_is_not_as_it_should_be_is_noticed() -> None:
    operator = parsed("ADD", (0.0371, 0.0113, 0.0457), (13, -77, 31))
    assert isinstance(operator, InOneShift)
    results = operator.combine(X[:, None], X[None, :]).astype(np.int64)
    slopes = (0.0371 / 0.0457, 0.0113 / 0.0457)
    table = SumTable(results, -128, 127, (13, -77), 31, slopes)
    assert find_short_sum(table) == operator.form
    spoilt = results.copy()
    spoilt[100, 70] += 1
    assert find_short_sum(replace(table, results=spoilt)) is None
