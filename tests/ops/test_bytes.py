"""Every operator gives the judge's bytes: in NumPy, and as generated C on this machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.ops import reference
from mcu_slm.rows import pack
from mcu_slm.verify.host import HostModel
from tests.dsp.ways import first_way
from tests.models import Windows, merge, needs_judge, windows_of
from tests.ops.cases import CASES, Case

WINDOWS = 24
DSP = [("dsp", op) for op in dsp.OPERATORS]


@cache
def cases_of(op: str) -> list[tuple[Case, list[Windows]]]:
    """Return the cases of an operator with their windows."""
    return [
        (case, windows_of(case.graph, WINDOWS, seed=7, lowest=case.lowest)) for case in CASES[op]()
    ]


def referenced(case: Case, windows: list[Windows]) -> list[Windows]:
    """Return the outputs of the NumPy reference."""
    graph = ops.fold_graph(case.graph)
    values = reference.run(graph, ops.parse_graph(graph), windows)
    return [values[index] for index in case.graph.outputs]


def parsed(case: Case) -> tuple[ops.Operator, ...]:
    """Return the layers of a case."""
    return ops.parse_graph(ops.fold_graph(case.graph))


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize("op", sorted(CASES))
def test_reference_equals_the_judge(op: str) -> None:
    cases = cases_of(op)
    together = tflite.write_model(merge([case.graph for case, _ in cases]))
    inputs = [array for _, windows in cases for array in windows]
    judged = iter(judge.run(together, inputs))
    for case, windows in cases:
        for ours in referenced(case, windows):
            theirs = next(judged)
            assert ours.dtype == theirs.dtype, case.name
            np.testing.assert_array_equal(ours, theirs, err_msg=case.name)


@pytest.mark.host
@pytest.mark.parametrize(("family", "op"), [("portable", op) for op in sorted(CASES)] + DSP)
def test_generated_c_equals_the_reference(family: str, op: str, tmp_path: Path) -> None:
    for number, (case, windows) in enumerate(cases_of(op)):
        folder = tmp_path / str(number)
        raw = tflite.write_model(case.graph)
        with first_way():
            compiled = compile_model(ops.fold_graph(case.graph), raw, folder / "code", family)
        rows = pack(case.graph, case.graph.inputs, windows)
        found = HostModel(folder / "code", compiled, folder / "build").predict(rows)
        expected = pack(case.graph, case.graph.outputs, referenced(case, windows))
        np.testing.assert_array_equal(found, expected, err_msg=case.name)


@pytest.mark.unit
def test_cases_reach_both_ends_of_int8_and_left_shifts() -> None:
    lowest, highest, shifts = 0, 0, []
    for op in CASES:
        for case, windows in cases_of(op):
            for y in referenced(case, windows):
                if y.dtype == np.int8:
                    lowest, highest = min(lowest, int(y.min())), max(highest, int(y.max()))
            shifts += [m.shift for o in parsed(case) for m in o.requantization()]
    assert (lowest, highest) == (-128, 127)
    assert min(shifts) < -15
    assert sum(0 < shift < 20 for shift in shifts) >= 7
