"""What one decoded Thumb instruction does to the flow of control and to the stack pointer."""

from __future__ import annotations

from typing import Any


def branch_target(instruction: Any) -> int | None:
    """Return where a branch or call with a fixed target goes."""
    from capstone import arm

    branches = (
        *(arm.ARM_INS_B, arm.ARM_INS_BL, arm.ARM_INS_BLX),
        *(arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ),
    )
    operands = instruction.operands
    if instruction.id in branches and operands and operands[-1].type == arm.ARM_OP_IMM:
        return int(operands[-1].imm) & ~1
    return None


def formed_address(instruction: Any) -> int | None:
    """Return the address that an instruction forms from where it stands (ADR), None for none.

    Source: Armv7-M Architecture Reference Manual, A7.7.7 (ADR).
    """
    from capstone import arm

    name, operands = instruction.insn_name(), instruction.operands
    here = (instruction.address + 4) & ~3
    if name == "adr":
        return int(here + operands[-1].imm)
    if len(operands) != 3 or operands[1].reg != arm.ARM_REG_PC or name not in ("add", "sub"):
        return None
    distance = operands[2].imm
    return int(here + distance if name == "add" else here - distance)


def pushed_by(instruction: Any) -> int | None:
    """Return by how much an instruction lowers the stack pointer; None where it cannot be told."""
    from capstone import arm

    sp, operands = arm.ARM_REG_SP, instruction.operands
    _, written = instruction.regs_access()
    name = instruction.insn_name()
    if sp not in written and name != "vpush":  # Capstone 5 does not say that it moves the stack
        return 0
    is_fixed = bool(operands) and operands[-1].type == arm.ARM_OP_IMM
    pushed: int | None = None
    if name in ("pop", "vpop", "ldm", "ldr", "ldrd") or (name == "add" and is_fixed):
        pushed = 0
    elif name == "push":
        pushed = 4 * len(operands)
    elif name == "stmdb":
        pushed = 4 * (len(operands) - 1)
    elif name == "vpush":
        pushed = _float_registers_bytes(instruction)
    elif name == "sub" and is_fixed and operands[-2].reg == sp:
        pushed = int(operands[-1].imm)
    elif name in ("str", "strd") and operands[-1].type == arm.ARM_OP_MEM:
        pushed = max(0, -int(operands[-1].mem.disp))
    return pushed


def returns(instruction: Any) -> bool:
    """Whether an instruction leaves the function for its caller."""
    text = f"{instruction.mnemonic} {instruction.op_str}"
    return text == "bx lr" or (popped_by(instruction) > 0 and "pc" in instruction.op_str)


def popped_by(instruction: Any) -> int:
    """Return by how much an instruction raises the stack pointer."""
    from capstone import arm

    name, operands = instruction.insn_name(), instruction.operands
    if name == "pop":
        return 4 * len(operands)
    if name == "vpop":
        return _float_registers_bytes(instruction)
    is_sp = bool(operands) and operands[0].reg == arm.ARM_REG_SP
    if name == "ldm" and is_sp:
        return 4 * (len(operands) - 1)
    if name == "add" and is_sp and operands[-1].type == arm.ARM_OP_IMM:
        return int(operands[-1].imm)
    return 0


def _float_registers_bytes(instruction: Any) -> int:
    """Return the size of the registers that VPUSH or VPOP names."""
    operands = instruction.operands
    is_double = instruction.reg_name(operands[0].reg).startswith("d")
    return (8 if is_double else 4) * len(operands)


def stays_or_returns(instruction: Any) -> bool:
    """Whether an instruction without a fixed target goes on, returns, or takes a jump table."""
    from capstone import arm

    if instruction.id in (arm.ARM_INS_TBB, arm.ARM_INS_TBH, arm.ARM_INS_POP):
        return True
    if instruction.id == arm.ARM_INS_BX:
        return bool(instruction.operands[0].reg == arm.ARM_REG_LR)
    # Not how a pointer is called (that may change the instruction set): a table of jumps.
    if instruction.id in (arm.ARM_INS_ADD, arm.ARM_INS_MOV):
        return True
    _, written = instruction.regs_access()
    from_stack = instruction.op_str.startswith(("pc, [sp]", "sp!, {"))  # a return, too
    return arm.ARM_REG_PC not in written or from_stack
