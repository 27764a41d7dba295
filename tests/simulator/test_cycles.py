"""Cycle costs of single instructions and short sequences, from their encodings."""

from __future__ import annotations

import pytest

pytest.importorskip("unicorn", reason="the edges come from the simulator")

from mcu_slm.simulator.cycles import GLOBAL_FACTOR, CycleModel
from mcu_slm.simulator.trace import BODY_ONLY, BRANCH_ONLY, WHOLE, Edge

pytestmark = pytest.mark.unit

NOP = "00bf"
LDR_R2_R1 = "0a68"  # ldr r2, [r1]
LDR_R3_R2 = "1368"  # ldr r3, [r2]
LDR_R3_R1 = "4b68"  # ldr r3, [r1, #4]
STR_R2_R1 = "0a60"  # str r2, [r1]
STR_R2_R1_R3 = "ca50"  # str r2, [r1, r3]
ADDS_R1 = "0131"  # adds r1, #1
PUSH_3 = "70b4"  # push {r4, r5, r6}
LDRD = "d1e90023"  # ldrd r2, r3, [r1]
SDIV = "90fbf1f0"  # sdiv r0, r0, r1
SMLAD = "20fb0122"  # smlad r2, r0, r1, r2
VMUL = "20ee200a"  # vmul.f32 s0, s0, s1
VFMA = "a1eea11a"  # vfma.f32 s2, s3, s3
VDIV = "80ee200a"  # vdiv.f32 s0, s0, s1
VLDR = "91ed000a"  # vldr s0, [r1]
VLDR_D = "91ed000b"  # vldr d0, [r1]
ADD_W = "00f10100"  # add.w r0, r0, #1
BX_LR = "7047"
POP_PC = "00bd"


def cycles(*code, at=0, part=WHOLE, before=None):
    """Return the raw cycles of a block of instructions at `at`, reached from `before`."""
    text = bytes.fromhex("".join(code))
    memory = {at: text}
    previous = (0, 0)
    if before is not None:
        address, instruction = before
        memory[address] = bytes.fromhex(instruction)
        previous = (address, len(memory[address]))
    model = CycleModel(lambda address, _size: memory[address])
    edge = Edge(1, part, previous, (at, len(text)), 1)
    return model.cycles_by_node([edge])[1] / GLOBAL_FACTOR


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ((NOP,), 1),
        ((SMLAD,), 1),
        ((SDIV,), 6),
        ((LDR_R2_R1,), 2),
        ((LDR_R2_R1, NOP), 3),
        ((LDR_R2_R1, LDR_R3_R1), 3),  # the second load hides a cycle of the first
        ((LDR_R2_R1, LDR_R3_R2), 4),  # not when its address is the result
        ((LDR_R2_R1, STR_R2_R1), 2),
        ((STR_R2_R1,), 1),
        ((STR_R2_R1_R3,), 2),
        ((LDR_R3_R1, STR_R2_R1_R3), 3),  # LDR 2: the store's address needs it; STR 1 behind a load
        ((ADDS_R1, LDR_R2_R1), 4),  # address from the result just before
        ((PUSH_3,), 4),
        ((LDRD,), 3),
        ((VMUL,), 1),
        ((VMUL, VMUL), 3),  # the second waits for the first
        ((VFMA,), 3),
        ((VDIV,), 14),
        ((VLDR,), 2),
        ((VLDR_D,), 3),
    ],
)
def test_cost_of_a_sequence(code, expected):
    assert cycles(*code) == pytest.approx(expected)


def test_every_third_straddling_instruction_costs_one_more():
    assert cycles(*[ADD_W] * 6, at=0) == pytest.approx(6)
    assert cycles(*[ADD_W] * 6, at=2) == pytest.approx(8)


@pytest.mark.parametrize(
    ("branch", "refill"),
    [("fee7", 1), ("fdd1", 1), (BX_LR, 2), (POP_PC, 3), ("dff800f0", 3)],
    ids=["B", "BNE", "BX", "POP PC", "LDR PC"],
)
def test_a_taken_branch_refills_the_pipeline(branch, refill):
    assert cycles(NOP, before=(0x100, branch)) == pytest.approx(1 + refill)
    assert cycles(ADD_W, at=2, before=(0x100, branch)) == pytest.approx(2 + refill)


def test_a_branch_not_taken_costs_nothing_more():
    assert cycles(NOP, at=0x102, before=(0x100, "fdd1")) == pytest.approx(1)


def test_parts_of_an_edge_add_up_to_the_whole():
    before = (0x100, BX_LR)
    parts = [cycles(NOP, NOP, part=part, before=before) for part in (BRANCH_ONLY, BODY_ONLY)]
    assert parts == pytest.approx([2, 2])
    assert cycles(NOP, NOP, before=before) == pytest.approx(4)
