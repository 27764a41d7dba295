"""Estimate Cortex-M4 cycles from which block followed which, for code and data without wait states.

Every block is decoded once; an edge costs what its block costs in the pipeline state that the block
before leaves, plus the refill when the branch between them was taken. The sum is multiplied by one
global factor. Against 41 published figures of a NUCLEO-L4R5ZI (pqm4, 0.4 to 29 million cycles) the
error is 1.0 % rms and 2.5 % at worst, each family of programs left out of the fit of that factor.
Not validated: floating point, flash wait states, contention on SRAM, any other core.

Source: Arm Cortex-M4 Technical Reference Manual, table 3-1 (instructions), table 7-1 (FPU), section
3.3.2 (load/store timings); the alignment rules and the longer refills come from board measurements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import capstone
from capstone import arm

from mcu_slm.simulator.trace import BODY_ONLY, BRANCH_ONLY, Edge

GLOBAL_FACTOR: Final = 1.045
_MISALIGNED_TARGET: Final = 1  # a 32-bit instruction at 2 mod 4 behind a taken branch
_ADDRESS_HAZARD: Final = 1  # address from the result of the instruction before
_FP_HAZARD: Final = 1  # floating-point operand from the instruction before
_STRADDLING_RUN: Final = 3  # each so-many-th 32-bit instruction in a run at 2 mod 4 costs one more


class Kind(Enum):
    """Timing classes of instructions."""

    ALU = "data processing"
    LOAD = "one load"
    STORE = "one store"
    LOAD_MANY = "several loads"
    STORE_MANY = "several stores"
    DIVIDE = "division"
    FP = "floating point, one cycle"
    FP_MULTIPLY_ADD = "floating-point multiply-accumulate"
    FP_DIVIDE = "floating-point division or root"
    FP_MOVE_TWO = "two registers between core and FPU"
    TABLE_BRANCH = "TBB, TBH"
    BRANCH = "B"
    BRANCH_CONDITIONAL = "Bcc, CBZ, CBNZ"
    CALL = "BL"
    BRANCH_INDIRECT = "BX, BLX"
    IT = "IT"
    SYSTEM = "barriers, MRS, MSR, CPS"


_FIXED: Final = {
    Kind.DIVIDE: 6,  # 2 to 12, data dependent
    Kind.FP_MULTIPLY_ADD: 3,
    Kind.FP_DIVIDE: 14,
    Kind.FP_MOVE_TWO: 2,
    Kind.TABLE_BRANCH: 3,
    Kind.SYSTEM: 2,
}
_REFILL: Final = {
    Kind.LOAD: 3,
    Kind.LOAD_MANY: 3,
    Kind.TABLE_BRANCH: 3,
    Kind.BRANCH_INDIRECT: 2,
    Kind.ALU: 2,
}
_PLAIN_REFILL: Final = 1
_FP_KINDS: Final = frozenset({Kind.FP, Kind.FP_MULTIPLY_ADD, Kind.FP_DIVIDE})
_BY_NAME: Final = {
    "sdiv": Kind.DIVIDE,
    "udiv": Kind.DIVIDE,
    "tbb": Kind.TABLE_BRANCH,
    "tbh": Kind.TABLE_BRANCH,
    "bl": Kind.CALL,
    "bx": Kind.BRANCH_INDIRECT,
    "blx": Kind.BRANCH_INDIRECT,
    "cbz": Kind.BRANCH_CONDITIONAL,
    "cbnz": Kind.BRANCH_CONDITIONAL,
    "vmrs": Kind.ALU,
    **dict.fromkeys(("dsb", "dmb", "isb", "mrs", "msr", "svc", "bkpt"), Kind.SYSTEM),
    **dict.fromkeys(("cps", "cpsie", "cpsid"), Kind.SYSTEM),
}
_BY_PREFIX: Final = (  # the first that fits
    ("vldr", Kind.LOAD),
    ("vstr", Kind.STORE),
    (("vldm", "vpop"), Kind.LOAD_MANY),
    (("vstm", "vpush"), Kind.STORE_MANY),
    (("vmla", "vmls", "vnmla", "vnmls"), Kind.FP_MULTIPLY_ADD),
    (("vfma", "vfms", "vfnma", "vfnms"), Kind.FP_MULTIPLY_ADD),
    (("vdiv", "vsqrt"), Kind.FP_DIVIDE),
    ("v", Kind.FP),
    (("ldm", "pop", "ldrd"), Kind.LOAD_MANY),
    (("stm", "push", "strd"), Kind.STORE_MANY),
    ("ldr", Kind.LOAD),
    ("str", Kind.STORE),
    ("it", Kind.IT),
)


@dataclass(frozen=True)
class Instruction:
    """What the timing of one instruction depends on. Registers are capstone's numbers."""

    address: int
    size: int
    kind: Kind
    transfers: int  # words moved, by several-loads and several-stores
    address_registers: frozenset[int]
    register_offset: bool
    reads: frozenset[int]
    writes: frozenset[int]

    @property
    def straddles(self) -> bool:
        """Whether it is 32 bits long and begins in the second half of a fetched word."""
        return self.size == 4 and bool(self.address & 2)


class CycleModel:
    """Costs of the blocks of one program; `read_code(address, size)` gives their bytes."""

    def __init__(self, read_code: Callable[[int, int], bytes]) -> None:
        self._read_code = read_code
        self._disassembler = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._disassembler.detail = True
        self._blocks: dict[tuple[int, int], list[Instruction]] = {}

    def cycles_by_node(self, edges: Iterable[Edge]) -> dict[int, float]:
        """Return the estimated cycles of each profile node, without those of the nodes below it."""
        raw: defaultdict[int, int] = defaultdict(int)
        for edge in edges:
            raw[edge.node] += self._edge_cost(edge) * edge.count
        return {node: cycles * GLOBAL_FACTOR for node, cycles in raw.items()}

    def _edge_cost(self, edge: Edge) -> int:
        block, before = self._decode(edge.block), self._decode(edge.previous)
        if not block:
            return 0
        last = before[-1] if before else None
        taken = last is not None and last.address + last.size != block[0].address
        cost = 0
        if edge.part != BODY_ONLY and last is not None and taken:
            cost += refill_cost(last, block[0])
        if edge.part != BRANCH_ONLY:
            cost += body_cost(block, None if taken else last)
        return cost

    def _decode(self, block: tuple[int, int]) -> list[Instruction]:
        if block not in self._blocks:
            address, size = block
            code = self._read_code(address, size) if size else b""
            self._blocks[block] = [
                _instruction(i) for i in self._disassembler.disasm(code, address)
            ]
        return self._blocks[block]


def body_cost(block: Sequence[Instruction], before: Instruction | None) -> int:
    """Return the cycles of a block's instructions when `before` was executed just before them."""
    cost = run = 0
    for number, instruction in enumerate(block):
        following = block[number + 1] if number + 1 < len(block) else None
        cost += instruction_cost(instruction, before, following)
        run = run + 1 if instruction.straddles else 0
        if run and run % _STRADDLING_RUN == 0:
            cost += 1
        before = instruction
    return cost


def instruction_cost(
    instruction: Instruction, before: Instruction | None, following: Instruction | None
) -> int:
    """Return the cycles of one instruction between its neighbours, without a branch's refill."""
    kind = instruction.kind
    cost = _FIXED.get(kind, 1)
    if kind is Kind.LOAD and not _hides_load(instruction, following):
        cost = 2
    elif kind is Kind.STORE and instruction.register_offset:
        cost = 1 if before is not None and before.kind is Kind.LOAD else 2
    elif kind in {Kind.LOAD_MANY, Kind.STORE_MANY}:
        cost = 1 + instruction.transfers
    if before is None:
        return cost
    if before.kind is Kind.ALU and instruction.address_registers & before.writes:
        cost += _ADDRESS_HAZARD
    if before.kind in _FP_KINDS and instruction.reads & before.writes:
        cost += _FP_HAZARD
    return cost


def refill_cost(last: Instruction, target: Instruction) -> int:
    """Return the cycles that a taken branch adds until its target executes."""
    cost = _REFILL.get(last.kind, _PLAIN_REFILL)
    return cost + _MISALIGNED_TARGET if target.straddles else cost


def _hides_load(load: Instruction, following: Instruction | None) -> bool:
    """Loads are pipelined: the next access hides the second cycle unless it needs the result."""
    return (
        following is not None
        and following.kind in {Kind.LOAD, Kind.STORE}
        and not load.writes & following.address_registers
    )


def _instruction(decoded: Any) -> Instruction:
    name = decoded.mnemonic.split(".")[0]
    reads, writes = decoded.regs_access()
    kind = _kind(decoded, name)
    address_registers, register_offset = set(), False
    registers = []
    for operand in decoded.operands:
        if operand.type == arm.ARM_OP_MEM:
            address_registers |= {r for r in (operand.mem.base, operand.mem.index) if r}
            register_offset = operand.mem.index != 0
        elif operand.type == arm.ARM_OP_REG:
            registers.append(operand.reg)
    transfers = 0
    if kind in {Kind.LOAD_MANY, Kind.STORE_MANY}:
        transfers = _transfers(name, registers)
        if name.startswith(("ldm", "stm")):
            address_registers = {registers[0]}
        elif name.startswith(("push", "pop")):
            address_registers = {arm.ARM_REG_SP}
    return Instruction(
        decoded.address,
        decoded.size,
        kind,
        transfers,
        frozenset(address_registers),
        register_offset,
        frozenset(reads),
        frozenset(writes) - {arm.ARM_REG_CPSR},
    )


def _kind(decoded: Any, name: str) -> Kind:
    conditional = decoded.cc not in {arm.ARM_CC_AL, 0}
    if decoded.id == arm.ARM_INS_B:
        return Kind.BRANCH_CONDITIONAL if conditional else Kind.BRANCH
    plain = name[:-2] if conditional and len(name) > 3 else name
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    if plain == "vmov":
        count = sum(operand.type == arm.ARM_OP_REG for operand in decoded.operands)
        return Kind.FP_MOVE_TWO if count >= 3 else Kind.FP
    for prefix, kind in _BY_PREFIX:
        if name.startswith(prefix):
            is_double = name.startswith("v") and _is_double(decoded.operands[0])
            several = {Kind.LOAD: Kind.LOAD_MANY, Kind.STORE: Kind.STORE_MANY}
            return several.get(kind, kind) if is_double else kind
    return Kind.ALU


def _transfers(name: str, registers: list[int]) -> int:
    """Count the words that a load or store of several moves."""
    if name.startswith(("ldrd", "strd", "vldr", "vstr")):
        return 2
    moved = registers[1:] if name.startswith(("ldm", "stm", "vldm", "vstm")) else registers
    return sum(2 if _is_double_register(register) else 1 for register in moved)


def _is_double(operand: Any) -> bool:
    return operand.type == arm.ARM_OP_REG and _is_double_register(operand.reg)


def _is_double_register(register: int) -> bool:
    return bool(arm.ARM_REG_D0 <= register <= arm.ARM_REG_D31)
