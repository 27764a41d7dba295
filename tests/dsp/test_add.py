"""ADD and SUB of the dsp family: sums without a form in one shift, broadcast and clamped."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.add import TableSum
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.builders import pair
from tests.ops.case import Case

SCALES = ((0.05, 0.03, 0.06), (0.17, 0.26, 0.16), (0.53, 0.01, 0.02), (0.02, 0.03, 0.56))
SHAPES = (
    ((1, 37), (1, 37)),
    ((2, 3, 9), (9,)),
    ((6, 1), (6, 11)),
    ((1, 4, 5), (1, 1, 1)),
    ((2, 1, 3, 4), (1, 5, 1, 4)),
)


def cases() -> list[Case]:
    """Scales whose sums are often ties, with every way to repeat an operand."""
    found = []
    for op in ("ADD", "SUB"):
        for number, scales in enumerate(SCALES):
            for one, other in SHAPES:
                name = f"{op} {one} {other} {scales}"
                points = ((4, -9, 2), (121, -83, 101), (-128, 127, 5), (-1, 0, -128))[number]
                activation = ("NONE", "RELU", "NONE", "RELU6")[number]
                found.append(
                    pair(
                        op,
                        name,
                        one,
                        other,
                        scales=scales,
                        zero_points=points,
                        activation=activation,
                    )
                )
    return found


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("add"), seed=12)


@pytest.mark.unit
def test_most_of_them_have_the_kernel() -> None:
    assert sum(isinstance(specialized(case), TableSum) for case in cases()) >= 30


class TestTableSums(EqualsTheJudge):
    """On this machine and on simulated cores."""
