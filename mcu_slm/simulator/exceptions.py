"""Enter and leave exceptions the way a Cortex-M does it: frames, stack pointers, EXC_RETURN.

Source: Armv7-M Architecture Reference Manual, B1.5.6 (entry) and B1.5.8 (return).
"""

from __future__ import annotations

import struct
from typing import Final

from mcu_slm.simulator import registers as reg
from mcu_slm.simulator.engine import Engine
from mcu_slm.simulator.registers import Group

_FRAME: Final = Group((*reg.CORE[:4], reg.CORE[12], reg.LR))
_FP_FRAME: Final = Group((*reg.FLOATS, reg.FPSCR))
_ENTRY_STATE: Final = Group((*reg.CORE[:4], reg.CORE[12], reg.LR, reg.SP, reg.XPSR, reg.CONTROL))
_HANDLER_STATE: Final = Group((reg.CONTROL, reg.SP, reg.LR, reg.XPSR))
# XPSR first: SPSEL selects a stack in thread mode only. SP last: it is the selected one.
_THREAD_STATE: Final = Group((reg.XPSR, reg.CONTROL, reg.SP))
_THUMB: Final = 1 << 24
_STACK_WAS_MISALIGNED: Final = 1 << 9
_FLAGS: Final = 0xF80F0000  # N, Z, C, V, Q and GE
_SPSEL, _FPCA = 2, 4


def enter(engine: Engine, number: int, return_address: int, in_handler: bool, fp: bool) -> bool:
    """Push the frame and put the core into handler mode; return whether the push succeeded.

    Args:
        engine: The core.
        number: Exception number.
        return_address: Where the interrupted code goes on, without the Thumb bit.
        in_handler: Whether a handler is interrupted.
        fp: Whether floating-point registers are saved when they are in use.
    """
    registers = engine.registers
    *saved, sp, xpsr, control = registers.get_group(_ENTRY_STATE)
    with_fp = bool(control & _FPCA) and fp
    on_process_stack = bool(control & _SPSEL) and not in_handler
    stacked_xpsr = xpsr & ~_STACK_WAS_MISALIGNED | _THUMB
    if sp & 4:
        stacked_xpsr |= _STACK_WAS_MISALIGNED
    frame = struct.pack("<8I", *saved, return_address, stacked_xpsr)
    if with_fp:
        frame += struct.pack("<18I", *registers.get_group(_FP_FRAME), 0)
    new_sp = ((sp & ~4) - len(frame)) & 0xFFFFFFFF
    pushed = _push(engine, new_sp, frame)
    link = 0xFFFFFFF1 if in_handler else 0xFFFFFFFD if on_process_stack else 0xFFFFFFF9
    if with_fp:
        link &= ~0x10
    if on_process_stack:
        registers.set(reg.PSP, new_sp)
        new_sp = registers.get(reg.MSP)
    # Flags stay, the IT state ends: a handler must not inherit half an IT block.
    handler_xpsr = xpsr & _FLAGS | _THUMB | number
    registers.set_group(_HANDLER_STATE, (control & ~(_SPSEL | _FPCA), new_sp, link, handler_xpsr))
    return pushed


def chain(engine: Engine, number: int, link: int) -> None:
    """Go from one handler straight into the next (tail-chaining): the frame stays where it is."""
    registers = engine.registers
    registers.set(reg.CONTROL, registers.get(reg.CONTROL) & ~_FPCA)
    registers.set(reg.XPSR, registers.get(reg.XPSR) & _FLAGS | _THUMB | number)
    registers.set(reg.LR, link)


def leave(engine: Engine, link: int) -> int:
    """Pop the frame that EXC_RETURN value `link` names and return where the code goes on.

    Raises:
        UnmappedError: the frame is not in memory.
    """
    registers = engine.registers
    to_process_stack = link & 0xF == 0xD
    if to_process_stack:
        registers.set(reg.MSP, registers.get(reg.SP))
    sp = registers.get(reg.PSP if to_process_stack else reg.SP)
    frame = struct.unpack("<8I", engine.read(sp, 32))
    sp += 32
    with_fp = not link & 0x10
    if with_fp:
        fp_frame = struct.unpack("<18I", engine.read(sp, 72))
        sp += 72
        registers.set_group(_FP_FRAME, fp_frame[:17])
    registers.set_group(_FRAME, frame[:6])
    if frame[7] & _STACK_WAS_MISALIGNED:
        sp |= 4
    control = registers.get(reg.CONTROL) & ~(_SPSEL | _FPCA)
    control |= (_FPCA if with_fp else 0) | (_SPSEL if to_process_stack else 0)
    registers.set_group(_THREAD_STATE, (frame[7] & ~_STACK_WAS_MISALIGNED, control, sp))
    return int(frame[6])


def _push(engine: Engine, address: int, frame: bytes) -> bool:
    if not engine.is_ram(address, len(frame)):
        return False
    engine.write(address, frame)
    return True
