"""Unicorn, held the way in which it is exact.

Found by experiment on Unicorn 2.1.4:
  - UC_MODE_MCLASS forces a Cortex-M33 whatever model is chosen; UC_MODE_THUMB keeps the model.
  - emu_start(timeout=...) and emu_stop() from another thread execute code twice. Only a stop inside
    a block hook is exact; so register callbacks ask for one and the block hook stops.
  - Inside a register callback PC is the start of the block.
  - Memory hooks lose the IT state when a hooked load sits in an IT block: strict mode only.
  - An exception return is reported as interrupt 3 at PC 0xFFFFFFEx/Fx (as 8 on Cortex-M33); on the
    Cortex-M0, which has no MPU, as an instruction fetch from nowhere.
  - The Cortex-M0 also executes IT and CBZ, the Cortex-M3 also SMLAD and its kin; what else these
    cores lack is refused as undefined, and unaligned access on the M0 is a fault.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import capstone
from unicorn import arm_const
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc, UcError

from mcu_slm.boards import Memory
from mcu_slm.errors import BoardError
from mcu_slm.simulator import registers as reg
from mcu_slm.simulator.faults import Cause, Fault
from mcu_slm.simulator.registers import Registers
from mcu_slm.simulator.trace import BlockHook, Region, count_instructions

Read = Callable[[int, int], int]  # (address, size) -> value
Write = Callable[[int, int, int], None]  # (address, size, value)

_MODELS: Final = {
    "cortex-m0": arm_const.UC_CPU_ARM_CORTEX_M0,
    "cortex-m0plus": arm_const.UC_CPU_ARM_CORTEX_M0,  # the same instructions
    "cortex-m3": arm_const.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm_const.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm_const.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm_const.UC_CPU_ARM_CORTEX_M33,
}
_NEVER: Final = 0xFFFFFFFE  # an address that emu_start() does not reach
_EXCEPTION_RETURN: Final = 0xFFFFFFE0
_PAGE: Final = 4096
# Memory that the firmware has not written yet holds this, so that nobody relies on zeros.
_POWER_ON_BYTE: Final = 0xA5
_WORD_ALIGNED: Final = ("ldrd", "strd", "ldm", "stm", "push", "pop", "vldr", "vstr", "vldm", "vstm")
_ACCESS_CAUSES: Final = {
    const.UC_MEM_READ_UNMAPPED: Cause.READ_UNMAPPED,
    const.UC_MEM_READ_PROT: Cause.READ_UNMAPPED,
    const.UC_MEM_WRITE_UNMAPPED: Cause.WRITE_UNMAPPED,
    const.UC_MEM_WRITE_PROT: Cause.WRITE_READ_ONLY,
    const.UC_MEM_FETCH_UNMAPPED: Cause.FETCH_UNMAPPED,
    const.UC_MEM_FETCH_PROT: Cause.FETCH_NOT_EXECUTABLE,
}
_WFI: Final = b"\x30\xbf"
_WFI_WIDE: Final = b"\xaf\xf3\x03\x80"
_WFE_OR_YIELD: Final = (b"\x20\xbf", b"\x10\xbf")


_open: Any = Uc  # the binding is half typed


class UnmappedError(Exception):
    """There is no memory at an address."""


class Event(Enum):
    """Why the engine came back."""

    STOPPED = "the block hook stopped it, or nothing in particular"
    WAIT = "WFI"
    SVC = "SVC"
    EXCEPTION_RETURN = "return from an exception"
    FAULT = "fault"


@dataclass(frozen=True)
class Outcome:
    """Why and where the engine came back."""

    event: Event
    pc: int
    fault: Fault | None = None


class Engine:
    """A core with its memories, without exceptions and without peripherals."""

    def __init__(
        self,
        core: str,
        memories: Sequence[Memory],
        hook: BlockHook,
        *,
        boot_alias: bool = False,
        strict: bool = False,
    ) -> None:
        if core not in _MODELS:
            raise BoardError(
                "board simulator",
                f"the core is {core!r}",
                f"one that the board simulator knows: {', '.join(_MODELS)}",
                "Choose another board for the simulator.",
            )
        self.uc: Any = _open(const.UC_ARCH_ARM, const.UC_MODE_THUMB)
        self.uc.ctl_set_cpu_model(_MODELS[core])
        self.registers = Registers(self.uc)
        self._state = hook.state
        self._memories: list[range] = []
        self._ram: list[range] = []
        self._buffers: list[ctypes.Array[ctypes.c_char]] = []
        self._event: Event | None = None
        self._fault: tuple[Cause, int | None] | None = None
        self._callback_error: BaseException | None = None
        self._fault_pc: int | None = None  # where PC is wrong after the stop
        self._passed_hint = (0, -1)  # PC and instruction count of the last WFE or YIELD
        self._disassembler = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        self._regions = self._map_memories(memories, boot_alias)
        hook.attach(self.uc, self._regions)
        self.uc.hook_add(const.UC_HOOK_INTR, self._on_interrupt)
        self.uc.hook_add(const.UC_HOOK_MEM_UNMAPPED | const.UC_HOOK_MEM_PROT, self._on_bad_access)
        self.uc.hook_add(const.UC_HOOK_INSN_INVALID, self._on_invalid)
        if strict:
            self._check_alignment_in(memories)

    # --- Memory -------------------------------------------------------------------------------

    def _map_memories(self, memories: Sequence[Memory], boot_alias: bool) -> tuple[Region, ...]:
        """Map all memories; with `boot_alias` the first flash also appears at address 0."""
        regions = []
        for memory in memories:
            size = -(-memory.size_bytes // _PAGE) * _PAGE
            host_address = self._allocate(size, 0xFF if memory.kind == "flash" else _POWER_ON_BYTE)
            access = {
                "flash": const.UC_PROT_READ | const.UC_PROT_EXEC,
                "ccm": const.UC_PROT_READ | const.UC_PROT_WRITE,
            }.get(memory.kind, const.UC_PROT_ALL)
            bases = [memory.base]
            self._memories.append(range(memory.base, memory.base + memory.size_bytes))
            if memory.kind != "flash":
                self._ram.append(self._memories[-1])
            if memory.kind == "flash" and memory.base and boot_alias:
                bases.append(0)
                boot_alias = False
            for base in bases:
                self.uc.mem_map_ptr(base, size, access, ctypes.c_void_p(host_address))
                regions.append(Region(base, size, host_address, memory.kind != "flash"))
        return tuple(regions)

    def _allocate(self, size: int, fill: int) -> int:
        """Return the address of page-aligned host memory that lives as long as the engine."""
        buffer = ctypes.create_string_buffer(size + _PAGE)
        self._buffers.append(buffer)
        address = -(-ctypes.addressof(buffer) // _PAGE) * _PAGE
        ctypes.memset(address, fill, size)
        return address

    def _fail_after_block(self, error: BaseException) -> int:
        self._callback_error = error
        self._state.stop_requested = 1
        return 0

    def is_ram(self, address: int, size: int) -> bool:
        """Whether `size` bytes at `address` lie in one RAM."""
        return any(address in ram and address + size <= ram.stop for ram in self._ram)

    def is_memory(self, address: int, size: int) -> bool:
        """Whether `size` bytes at `address` lie in one memory."""
        return any(address in memory and address + size <= memory.stop for memory in self._memories)

    def map_registers(self, base: int, size: int, read: Read, write: Write) -> None:
        """Let `read` and `write` answer for an address range."""

        def on_read(_uc: Any, offset: int, length: int, _data: object) -> int:
            try:
                return read(base + offset, length)
            except BaseException as error:  # Ctrl-C too: ctypes would swallow it
                return self._fail_after_block(error)

        def on_write(_uc: Any, offset: int, length: int, value: int, _data: object) -> None:
            try:
                write(base + offset, length, value)
            except BaseException as error:
                self._fail_after_block(error)

        self.uc.mmio_map(base, size, on_read, None, on_write, None)

    def read(self, address: int, size: int) -> bytes:
        """Return flash or RAM as the core sees it.

        Raises:
            UnmappedError: there is no memory.
        """
        for region in self._regions:
            offset = address - region.base
            if offset >= 0 and offset + size <= region.size:
                return ctypes.string_at(region.host_address + offset, size)
        raise UnmappedError(f"0x{address:08x}")

    def write(self, address: int, data: bytes) -> None:
        """Write memory, flash included."""
        self.uc.mem_write(address, data)

    # --- Execution ----------------------------------------------------------------------------

    def run(self, pc: int) -> Outcome:
        """Run from `pc` until the hook stops, the core waits, or something happens."""
        state = self._state
        state.stopped = state.stopped_at_break = 0
        self._event = self._fault = self._fault_pc = None
        error: UcError | None = None
        try:
            self.uc.emu_start(pc | 1, _NEVER)
        except UcError as caught:
            error = caught
        if self._callback_error is not None:
            raise self._callback_error
        pc = self.registers.get(reg.PC)
        if self._event is not None:
            return Outcome(self._event, pc)
        if error is not None or self._fault is not None:
            return self._explain(pc, error)
        if not state.stopped and self._waits_before(pc):
            return Outcome(Event.WAIT, pc)
        return Outcome(Event.STOPPED, pc)

    def _explain(self, pc: int, error: UcError | None) -> Outcome:
        cause, address = self._fault or (Cause.UNDEFINED, None)
        pc = pc if self._fault_pc is None else self._fault_pc
        if error is not None and self._fault is None and error.errno != const.UC_ERR_INSN_INVALID:
            raise error
        if cause is Cause.UNDEFINED:
            hint = (pc, self._state.instructions)
            if self._bytes_before(pc, 2) in _WFE_OR_YIELD and hint != self._passed_hint:
                # Unicorn calls WFE and YIELD invalid, with PC already behind them.
                self._passed_hint = hint
                return Outcome(Event.STOPPED, pc)
            if not self.registers.get(reg.XPSR) >> 24 & 1:
                cause = Cause.ARM_STATE
        self._uncount_from(pc)
        return Outcome(Event.FAULT, pc, Fault(cause, pc, address))

    def _uncount_from(self, pc: int) -> None:
        """Take back the rest of the block, which the hook counted when the block began."""
        state = self._state
        end = state.last_address + state.last_bytes
        if state.last_address <= pc < end:
            state.instructions -= count_instructions(self.read(pc, end - pc))

    def _waits_before(self, pc: int) -> bool:
        return self._bytes_before(pc, 2) == _WFI or self._bytes_before(pc, 4) == _WFI_WIDE

    def _bytes_before(self, pc: int, size: int) -> bytes:
        try:
            return self.read(pc - size, size)
        except UnmappedError:
            return b""

    def instruction_text(self, pc: int) -> str:
        """Disassemble one instruction; empty where there is none."""
        for size in (4, 2):
            try:
                code = self.read(pc & ~1, size)
            except UnmappedError:
                continue
            for found in self._disassembler.disasm(code, pc & ~1, 1):
                return f"{found.mnemonic} {found.op_str}".strip()
        return ""

    def first_float_instruction(self) -> int:
        """Return the address of the first floating-point instruction in the last block."""
        address, size = self._state.last_address, self._state.last_bytes
        for found in self._disassembler.disasm(self.read(address, size), address):
            if found.mnemonic.startswith("v"):
                return int(found.address)
        return int(address)

    # --- Callbacks of Unicorn -----------------------------------------------------------------

    def _on_interrupt(self, uc: Any, number: int, _data: object) -> None:
        pc = self.registers.get(reg.PC)
        if number == 2:
            self._event = Event.SVC
        elif pc >= _EXCEPTION_RETURN and number in {3, 8}:
            self._event = Event.EXCEPTION_RETURN
        else:
            self._fault = (_interrupt_cause(number), None)
        uc.emu_stop()

    def _on_bad_access(
        self, _uc: Any, access: int, address: int, _size: int, _value: int, _data: object
    ) -> bool:
        cause = _ACCESS_CAUSES[access]
        is_fetch = cause in {Cause.FETCH_UNMAPPED, Cause.FETCH_NOT_EXECUTABLE}
        if is_fetch and address >= _EXCEPTION_RETURN:
            self._event = Event.EXCEPTION_RETURN
            return False
        self._fault = (cause, None if is_fetch else address)
        return False

    def _on_invalid(self, _uc: Any, _data: object) -> bool:
        self._fault = (Cause.UNDEFINED, None)
        return False

    def _check_alignment_in(self, memories: Sequence[Memory]) -> None:
        """Watch for LDRD, LDM, VLDR and kin at odd addresses, which Unicorn lets pass."""
        must_align: dict[int, bool] = {}

        def on_access(
            uc: Any, _access: int, address: int, size: int, _value: int, _data: object
        ) -> None:
            if not address & 3 or size < 4 or self._fault is not None:
                return
            pc = self.registers.get(reg.PC)
            if pc not in must_align:
                must_align[pc] = self.instruction_text(pc).startswith(_WORD_ALIGNED)
            if must_align[pc]:
                self._fault, self._fault_pc = (Cause.UNALIGNED, address), pc
                uc.emu_stop()

        for memory in memories:
            self.uc.hook_add(
                const.UC_HOOK_MEM_READ | const.UC_HOOK_MEM_WRITE,
                on_access,
                begin=memory.base,
                end=memory.base + memory.size_bytes - 1,
            )


def _interrupt_cause(number: int) -> Cause:
    """Translate QEMU's exception numbers (target/arm/cpu.h)."""
    return {
        1: Cause.UNDEFINED,
        3: Cause.FETCH_NOT_EXECUTABLE,
        4: Cause.UNALIGNED,  # reported for exclusive accesses only
        7: Cause.BREAKPOINT,
        17: Cause.NO_FPU,
        18: Cause.ARM_STATE,
        22: Cause.UNALIGNED,
    }.get(number, Cause.UNDEFINED)
