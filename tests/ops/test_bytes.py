"""Every operator gives the judge's bytes: in NumPy, and as generated C on this machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.ops import reference
from mcu_slm.verify.host import HostModel
from tests.models import Windows, merge, needs_judge, windows_of
from tests.ops.cases import CASES, Case

WINDOWS = 24


@cache
def cases_of(op: str) -> list[tuple[Case, list[Windows]]]:
    """Return the cases of an operator with their windows."""
    return [
        (case, windows_of(case.graph, WINDOWS, seed=7, lowest=case.lowest)) for case in CASES[op]()
    ]


def referenced(case: Case, windows: list[Windows]) -> Windows:
    """Return the output of the NumPy reference."""
    values = reference.run(case.graph, ops.parse_graph(case.graph), windows)
    return values[case.graph.outputs[0]]


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize("op", sorted(CASES))
def test_reference_equals_the_judge(op: str) -> None:
    cases = cases_of(op)
    together = tflite.write_model(merge([case.graph for case, _ in cases]))
    inputs = [array for _, windows in cases for array in windows]
    for (case, windows), judged in zip(cases, judge.run(together, inputs), strict=True):
        np.testing.assert_array_equal(referenced(case, windows), judged, err_msg=case.name)


@pytest.mark.host
@pytest.mark.parametrize("op", sorted(CASES))
def test_generated_c_equals_the_reference(op: str, tmp_path: Path) -> None:
    compiled_cases = [entry for entry in cases_of(op) if entry[0].has_one_input]
    assert compiled_cases
    for number, (case, windows) in enumerate(compiled_cases):
        folder = tmp_path / str(number)
        raw = tflite.write_model(case.graph)
        compiled = compile_model(case.graph, raw, folder / "code")
        found = HostModel(folder / "code", compiled, folder / "build").predict(windows[0])
        expected = referenced(case, windows).reshape(WINDOWS, -1)
        np.testing.assert_array_equal(found, expected, err_msg=case.name)


@pytest.mark.unit
def test_cases_reach_both_ends_of_int8_and_left_shifts() -> None:
    lowest, highest, shifts = 0, 0, []
    for op in CASES:
        for case, windows in cases_of(op):
            y = referenced(case, windows)
            lowest, highest = min(lowest, int(y.min())), max(highest, int(y.max()))
            shifts += [m.shift for o in ops.parse_graph(case.graph) for m in o.requantization()]
    assert (lowest, highest) == (-128, 127)
    assert min(shifts) < -15
    assert sum(0 < shift < 20 for shift in shifts) >= 7
