"""What a leg reports: one sentence for people, the same facts as JSON."""

from __future__ import annotations

import json

import pytest

from mcu_slm.verify import Difference, LegResult, Proof, leg_from_json
from mcu_slm.verify.result import not_run

pytestmark = pytest.mark.unit


def test_a_difference_names_everything_in_one_sentence() -> None:
    difference = Difference(3, 18, "logits", "FULLY_CONNECTED", 2, -4, 5, 1234, 1 << 30, -6)
    assert difference.sentence() == (
        "layer 18 logits (FULLY_CONNECTED), element 2, window 3: expected -4, found 5; "
        "accumulator 1234, multiplier 1073741824, shift -6"
    )


def test_a_difference_without_sums_says_so_by_leaving_them_out() -> None:
    text = Difference(0, 1, "turned", "TRANSPOSE", 7, 1, 2).sentence()
    assert text == "layer 1 turned (TRANSPOSE), element 7, window 0: expected 1, found 2"


@pytest.mark.parametrize(
    "leg",
    [
        LegResult("host", "ok", 5, 15, 0, "", 0.123),
        LegResult("sim", "not run", reason="no firmware"),
        LegResult("litert", "differs", 5, 15, 2, "2 of 15 bytes differ", 1.0, information=True),
    ],
    ids=lambda leg: leg.leg,
)
def test_a_leg_survives_json(leg: LegResult) -> None:
    assert leg_from_json(leg.leg, json.loads(json.dumps(leg.to_json()))) == leg


def test_a_difference_is_part_of_the_json() -> None:
    difference = Difference(0, 1, "y", "ADD", 7, 1, 2)
    fields = LegResult("host", "differs", 1, 9, 1, difference=difference).to_json()
    assert fields["difference"]["layer"] == 1
    assert fields["difference"]["found"] == 2


def passed(*legs: str) -> tuple[LegResult, ...]:
    return tuple(LegResult(leg, "ok", 1, 1) for leg in legs)


def test_a_proof_is_complete_only_when_every_gate_ran_and_agreed() -> None:
    assert Proof(passed("tflm", "numpy", "host", "sim")).complete
    assert not Proof(passed("tflm", "numpy", "host")).complete
    assert not Proof((*passed("tflm", "numpy", "host"), not_run("sim", "no board"))).complete


def test_information_never_decides() -> None:
    litert = LegResult("litert", "differs", 1, 1, 1, information=True)
    proof = Proof((*passed("tflm", "numpy", "host", "sim"), litert))
    assert proof.complete
    assert not proof.differs
    assert Proof((LegResult("host", "differs", 1, 1, 1),)).differs
