"""ADD and SUB of the dsp family: sums with and without a form in one shift, broadcast, clamped."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.add import FourSum, TableSum
from mcu_slm.ops.add import InOneShift
from mcu_slm.ops.short_sum import ShortSum
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.builders import pair
from tests.ops.case import Case

SCALES = ((0.05, 0.03, 0.06), (0.17, 0.26, 0.16), (0.53, 0.01, 0.02), (0.02, 0.03, 0.56))
SHORT_SCALES = ((0.030124, 0.029913, 0.0602), (0.011, 0.0301, 0.0157), (0.05, 0.002, 0.0409))
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
    for number, scales in enumerate(SHORT_SCALES):
        for op in ("ADD", "SUB"):
            for one, other in SHAPES:
                points, activation = ((-3, 4, 1), (127, -128, 9), (-128, 11, -128))[number], "NONE"
                if number == 2:
                    activation = "RELU6"
                name = f"short {op} {one} {other} {scales}"
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


@pytest.mark.unit
def test_sums_in_one_shift_have_a_kernel_but_for_single_values_along_rows() -> None:
    found = [specialized(case) for case in cases() if case.name.startswith("short")]
    short = [layer for layer in found if isinstance(getattr(layer, "plain", layer), InOneShift)]
    assert len(short) >= 20
    kinds = {isinstance(layer, FourSum) for layer in short}
    assert kinds == {True, False}
    for layer in short:
        plain = layer.plain if isinstance(layer, FourSum) else layer
        walks = plain.loops.walked_first()[0].steps2[-1] != 0
        assert isinstance(layer, FourSum) == walks


@pytest.mark.unit
def test_sums_that_are_always_0_keep_a_shift_of_int32() -> None:
    assert ShortSum((0, 0), 0, 5).lifted() == ShortSum((0, 0), 0, 31)


@pytest.mark.unit
def test_lifted_forms_are_the_same_sums() -> None:
    for case in cases():
        layer = specialized(case)
        if isinstance(layer, FourSum):
            form, lifted = layer.plain.form, layer.plain.form.lifted()
            times = 1 << (lifted.shift - form.shift)
            assert lifted.multipliers == tuple(times * m for m in form.multipliers)
            assert lifted.addend == times * form.addend
            most = 128 * sum(map(abs, lifted.multipliers)) + abs(lifted.addend)
            assert 2 * most > 1 << 30


class TestTableSums(EqualsTheJudge):
    """On this machine and on simulated cores."""
