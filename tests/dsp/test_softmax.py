"""SOFTMAX of the dsp family: every rest, flat rows, single peaks, wide and narrow scales."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.softmax import FourSoftmax
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.builders import unary
from tests.ops.case import Case
from tests.ops.cases import softmax_cases

PROBABILITIES = (1 / 256, -128)


def cases() -> list[Case]:
    """The operator's own cases to int8, and depths with every rest at scales of all sizes."""
    found = [
        case for case in softmax_cases() if case.graph.tensor(case.graph.outputs[0]).dtype == "int8"
    ]
    for depth in (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 64, 130, 511):
        for scale in (1e-6, 0.004, 0.05, 0.3, 4.0):
            name = f"{depth} at {scale}"
            found.append(unary("SOFTMAX", name, (7, depth), (scale, 17), PROBABILITIES, beta=1.0))
    return found


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("softmax"), seed=9)


@pytest.mark.unit
def test_all_of_them_have_the_kernel() -> None:
    assert all(isinstance(specialized(case), FourSoftmax) for case in cases())


class TestSoftmax(EqualsTheJudge):
    """On this machine and on simulated cores."""
