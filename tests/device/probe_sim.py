"""A debug probe for pyOCD whose chip is an STM32L475 on Unicorn.

pyOCD discovers the core through CoreSight, downloads its own flash algorithm into simulated RAM and
runs it against a simulated flash controller, as it would on silicon.

    L4Flash          the flash and its controller (RM0351, chapter 3)
    SimulatedChip    memories, the core and its debug registers (ARMv7-M manual, part C)
    SimulatedProbe   the probe: DP and AP registers (ADIv5)

`pytest.importorskip` both `pyocd` and `unicorn` before importing this.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import unicorn
from pyocd.core import exceptions
from pyocd.core.memory_interface import MemoryInterface
from pyocd.probe.debug_probe import DebugProbe
from unicorn import arm_const as arm

FLASH, FLASH_BYTES, PAGE_BYTES = 0x0800_0000, 1 << 20, 2048
SRAM1, SRAM2 = (0x2000_0000, 96 << 10), (0x1000_0000, 32 << 10)
PERIPHERALS, SYSTEM = 0x4000_0000, 0xE000_0000
_REGION = 0x0010_0000  # what is mapped of each of the two

# FLASH registers and bits, RM0351 section 3.7.
FLASH_REGISTERS = 0x4002_2000
KEYR, SR, CR, OPTR = (FLASH_REGISTERS + offset for offset in (0x08, 0x10, 0x14, 0x20))
KEYS = (0x4567_0123, 0xCDEF_89AB)
CR_PG, CR_PER, CR_START, CR_LOCK = 1 << 0, 1 << 1, 1 << 16, 1 << 31
SR_PROGRAM_ERROR, SR_SEQUENCE_ERROR = 1 << 3, 1 << 7

# Debug registers, ARMv7-M manual C1.6.
CPUID, AIRCR, MVFR0, MVFR1 = 0xE000_ED00, 0xE000_ED0C, 0xE000_EF40, 0xE000_EF44
DHCSR, DCRSR, DCRDR, DEMCR = 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC
DBGMCU_IDCODE = 0xE004_2000
DEVICE_ID = 0x415

# The ROM table names the system control space, the watchpoint and the breakpoint unit.
_ROM_TABLE = 0xE00F_F000
_CONSTANTS = {
    CPUID: 0x410F_C241,  # Cortex-M4 r0p1
    MVFR0: 0x1011_0021,
    MVFR1: 0x1100_0011,
    OPTR: 0xFFEF_F8AA,
    _ROM_TABLE: 0xFFF0_F003,
    _ROM_TABLE + 4: 0xFFF0_2003,
    _ROM_TABLE + 8: 0xFFF0_3003,
    0xE000_2000: 0x260,  # FP_CTRL: 6 code comparators
    0xE000_1000: 0x4000_0000,  # DWT_CTRL: 4 comparators
}
# CoreSight identification: base -> (PIDR4, PIDR0..2, CIDR1).
_COMPONENTS = {
    _ROM_TABLE: (0, 0x15, 0x04, 0x0A, 0x10),
    0xE000_E000: (4, 0x0C, 0xB0, 0x0B, 0xE0),
    0xE000_1000: (4, 0x02, 0xB0, 0x3B, 0xE0),
    0xE000_2000: (4, 0x03, 0xB0, 0x2B, 0xE0),
}
_CORE_REGISTERS = [arm.UC_ARM_REG_R0 + n for n in range(13)] + [
    arm.UC_ARM_REG_SP,
    arm.UC_ARM_REG_LR,
]
_SLICE_INSTRUCTIONS = 200_000
_POWER_UP_REQUESTS = 1 << 30 | 1 << 28  # DP CTRL/STAT; the acknowledgement is the bit above


class L4Flash:
    """Flash memory and its controller: unlock, erase pages, program words that are erased."""

    def __init__(self) -> None:
        self.bytes = mmap.mmap(-1, FLASH_BYTES)
        self.bytes[:] = b"\xff" * FLASH_BYTES
        self.erased_pages: list[int] = []
        self.programmed_bytes = 0
        self.stuck_page: int | None = None  # a page that erasing leaves as it is
        self._rejected: list[tuple[int, bytes]] = []
        self.reset()

    def reset(self) -> None:
        self.status, self.control, self._next_key = 0, CR_LOCK, 0

    def read(self, address: int) -> int:
        return {SR: self.status, CR: self.control}.get(address, 0)

    def write(self, address: int, value: int) -> None:
        if address == KEYR:
            self._next_key = self._next_key + 1 if value == KEYS[self._next_key % 2] else 0
            if self._next_key == len(KEYS):
                self.control &= ~CR_LOCK
        elif address == SR:
            self.status &= ~value
        elif address == CR and not self.control & CR_LOCK:
            self.control = value & ~CR_START
            if value & CR_LOCK:
                self._next_key = 0
            if value & CR_START and value & CR_PER:
                self._erase_page((value >> 3 & 0xFF) + 256 * (value >> 11 & 1))

    def store(self, address: int, byte_count: int) -> None:
        """The core is about to store into flash: legal only in programming, on erased words."""
        offset = address - FLASH
        old = self.bytes[offset : offset + byte_count]
        if not self.control & CR_PG or byte_count != 4:
            self.status |= SR_SEQUENCE_ERROR
        elif old != b"\xff" * 4:
            self.status |= SR_PROGRAM_ERROR
        else:
            self.programmed_bytes += byte_count
            return
        self._rejected.append((offset, old))

    def undo_rejected(self) -> None:
        """Unicorn carries every store out; take those back that the controller refuses."""
        for offset, old in reversed(self._rejected):
            self.bytes[offset : offset + len(old)] = old
        self._rejected.clear()

    def _erase_page(self, page: int) -> None:
        if page != self.stuck_page:
            start = page * PAGE_BYTES
            self.bytes[start : start + PAGE_BYTES] = b"\xff" * PAGE_BYTES
        self.erased_pages.append(page)


class SimulatedChip(MemoryInterface):
    """The chip as its debug port sees it."""

    def __init__(self, device_id: int = DEVICE_ID) -> None:
        self.flash = L4Flash()
        self.resets = 0
        self.is_halted = False
        self._device_id = device_id
        self._registers: dict[int, int] = {}
        self._was_reset = False
        self._pc = 0
        self._stopped_at: int | None = None
        self._core = self._build_core()
        self.reset(halt=False)

    def reset(self, *, halt: bool) -> None:
        self.flash.reset()
        stack, entry = (int.from_bytes(self.flash.bytes[at : at + 4], "little") for at in (0, 4))
        self._core.reg_write(arm.UC_ARM_REG_SP, stack)
        self._pc = entry & ~1
        self.is_halted, self._was_reset = halt, True
        self.resets += 1

    @property
    def halts_on_reset(self) -> bool:
        """Whether DEMCR.VC_CORERESET is set."""
        return bool(self._registers.get(DEMCR, 0) & 1)

    def _build_core(self) -> Any:
        core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        core.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        # The boot alias at 0 shows the same bytes; pyOCD's CRC program reads through it.
        self._window = (ctypes.c_char * FLASH_BYTES).from_buffer(self.flash.bytes)
        for base in (FLASH, 0):
            core.mem_map_ptr(base, FLASH_BYTES, unicorn.UC_PROT_ALL, ctypes.addressof(self._window))
        for base, size in (SRAM1, SRAM2):
            core.mem_map(base, size)
        for base in (PERIPHERALS, SYSTEM):
            self._map_registers(core, base)
        core.hook_add(unicorn.UC_HOOK_INTR, self._on_breakpoint)
        core.hook_add(
            unicorn.UC_HOOK_MEM_WRITE, self._on_store, begin=FLASH, end=FLASH + FLASH_BYTES - 1
        )
        return core

    def _map_registers(self, core: Any, base: int) -> None:
        def read(_uc: Any, offset: int, _size: int, _data: Any) -> int:
            return self._read_register(base + offset)

        def write(_uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
            self._write_register(base + offset, value)

        core.mmio_map(base, _REGION, read, None, write, None)

    def _on_breakpoint(self, core: Any, _number: int, _data: Any) -> None:
        """The flash algorithm returns to a BKPT instruction."""
        self.is_halted = True
        self._stopped_at = core.reg_read(arm.UC_ARM_REG_PC)
        core.emu_stop()

    def _on_store(
        self, _core: Any, _access: int, address: int, size: int, _value: int, _data: Any
    ) -> None:
        self.flash.store(address, size)

    def _run(self, instructions: int = _SLICE_INSTRUCTIONS) -> None:
        self._stopped_at = None
        try:
            self._core.emu_start(self._pc | 1, 0xFFFF_FFFE, count=instructions)
        except unicorn.UcError:  # an empty flash, a wild jump: a real core locks up here
            self.is_halted = True
        self.flash.undo_rejected()
        stopped_at = self._stopped_at
        self._pc = (
            self._core.reg_read(arm.UC_ARM_REG_PC) if stopped_at is None else stopped_at
        ) & ~1

    # --- registers: peripherals and the system control space ---------------------------------

    def _read_register(self, address: int) -> int:
        if address in (SR, CR):
            return self.flash.read(address)
        if address == DHCSR:
            return self._read_dhcsr()
        if address == DBGMCU_IDCODE:
            return 0x1007_6000 | self._device_id
        page, offset = address & ~0xFFF, address & 0xFFF
        if page in _COMPONENTS and offset >= 0xFD0:
            return _identification(page, offset)
        return self._registers.get(address, _CONSTANTS.get(address, 0))

    def _write_register(self, address: int, value: int) -> None:
        if address in (KEYR, SR, CR):
            self.flash.write(address, value)
        elif address == DHCSR:
            self._write_dhcsr(value)
        elif address == DCRSR:
            self._transfer_core_register(value & 0x7F, is_write=bool(value >> 16 & 1))
        elif address == AIRCR:
            if value & 1 << 2:  # SYSRESETREQ
                self.reset(halt=self.halts_on_reset)
        else:
            self._registers[address] = value

    def _read_dhcsr(self) -> int:
        """Let the core run a while first: pyOCD polls this until the algorithm has ended."""
        if not self.is_halted:
            self._run()
        value = self._registers.get(DHCSR, 0) | 1 << 16 | 1 << 24  # S_REGRDY, S_RETIRE_ST
        value |= self.is_halted << 17 | self._was_reset << 25
        self._was_reset = False
        return value

    def _write_dhcsr(self, value: int) -> None:
        if value >> 16 != 0xA05F:
            return
        self._registers[DHCSR] = value & 0xF
        if value & 1 << 2 and not value & 1 << 1:  # C_STEP
            self._run(1)
            self.is_halted = True
        else:
            self.is_halted = bool(value & 1 << 1)  # C_HALT

    def _transfer_core_register(self, number: int, *, is_write: bool) -> None:
        if number == 15:
            if is_write:
                self._pc = self._registers.get(DCRDR, 0) & ~1
            else:
                self._registers[DCRDR] = self._pc
            return
        special = {16: arm.UC_ARM_REG_XPSR, 17: arm.UC_ARM_REG_MSP, 18: arm.UC_ARM_REG_PSP}
        register = _CORE_REGISTERS[number] if number < 15 else special.get(number)
        if register is None:
            self._registers[DCRDR] = 0
        elif is_write:
            self._core.reg_write(register, self._registers.get(DCRDR, 0))
        else:
            thumb = 1 << 24 if number == 16 else 0
            self._registers[DCRDR] = self._core.reg_read(register) | thumb

    # --- pyOCD's MemoryInterface -------------------------------------------------------------

    def write_memory(self, addr: int, data: int, transfer_size: int = 32, **_: Any) -> None:
        if _is_register(addr):
            self._write_register(addr, data)
            return
        byte_count = transfer_size // 8
        raw = (data & (1 << transfer_size) - 1).to_bytes(byte_count, "little")
        self._guarded(self._core.mem_write, addr, raw)

    def read_memory(
        self, addr: int, transfer_size: int = 32, now: bool = True, **_: Any
    ) -> int | Callable[[], int]:
        if _is_register(addr):
            value = self._read_register(addr)
        else:
            raw = self._guarded(self._core.mem_read, addr, transfer_size // 8)
            value = int.from_bytes(raw, "little")
        return value if now else lambda: value

    def write_memory_block32(self, addr: int, data: list[int], **_: Any) -> None:
        for index, word in enumerate(data):
            self.write_memory(addr + 4 * index, word)

    def read_memory_block32(self, addr: int, size: int, **_: Any) -> list[Any]:
        return [self.read_memory(addr + 4 * index) for index in range(size)]

    def write_memory_block8(self, addr: int, data: Any, **_: Any) -> None:
        self._guarded(self._core.mem_write, addr, bytes(data))

    def read_memory_block8(self, addr: int, size: int, **_: Any) -> list[int]:
        return list(self._guarded(self._core.mem_read, addr, size))

    @staticmethod
    def _guarded(access: Callable[..., Any], address: int, argument: Any) -> Any:
        try:
            return access(address, argument)
        except unicorn.UcError as error:
            raise exceptions.TransferFaultError(fault_address=address) from error


def _is_register(address: int) -> bool:
    return PERIPHERALS <= address < PERIPHERALS + _REGION or address >= SYSTEM


def _identification(page: int, offset: int) -> int:
    """Return a CoreSight identification register of a component."""
    pidr4, pidr0, pidr1, pidr2, cidr1 = _COMPONENTS[page]
    return {
        0xFD0: pidr4, 0xFE0: pidr0, 0xFE4: pidr1, 0xFE8: pidr2,
        0xFF0: 0x0D, 0xFF4: cidr1, 0xFF8: 0x05, 0xFFC: 0xB1,
    }.get(offset, 0)  # fmt: skip


class SimulatedProbe(DebugProbe):
    """A probe with one MEM-AP behind which the simulated chip lies."""

    def __init__(self, chip: SimulatedChip, unique_id: str = "SIM0001") -> None:
        super().__init__()
        self.chip = chip
        self._unique_id = unique_id
        self._is_open = False
        self._control = 0
        self._protocol: DebugProbe.Protocol | None = None

    @property
    def vendor_name(self) -> str:
        return "mcu-slm"

    @property
    def product_name(self) -> str:
        return "simulated probe"

    @property
    def unique_id(self) -> str:
        return self._unique_id

    @property
    def supported_wire_protocols(self) -> list[DebugProbe.Protocol]:
        return [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        return self._protocol

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        return {
            DebugProbe.Capability.MANAGED_AP_SELECTION,
            DebugProbe.Capability.MANAGED_DPBANKSEL,
        }

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def connect(self, _protocol: DebugProbe.Protocol | None = None) -> None:
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        self._protocol = None

    def set_clock(self, frequency: float) -> None:
        pass

    def reset(self) -> None:
        self.chip.reset(halt=self.chip.halts_on_reset)

    def assert_reset(self, asserted: bool) -> None:
        if not asserted:
            self.reset()

    def is_reset_asserted(self) -> bool:
        return False

    def flush(self) -> None:
        pass

    def read_dp(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        # DPIDR of the Cortex-M4's SW-DP; CTRL/STAT acknowledges each power-up that is asked for.
        acknowledged = self._control | (self._control & _POWER_UP_REQUESTS) << 1
        value = {0x0: 0x2BA0_1477, 0x4: acknowledged}.get(addr & 0xC, 0)
        return value if now else lambda: value

    def write_dp(self, addr: int, data: int) -> None:
        if addr & 0xC == 0x4:
            self._control = data & ~(_POWER_UP_REQUESTS << 1)

    def read_ap(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        # IDR of an AHB-AP, its ROM table's address, and CSW, of access port 0; there is no other.
        registers = {0xFC: 0x2477_0011, 0xF8: _ROM_TABLE | 3, 0x00: 0x2300_0042}
        value = registers.get(addr & 0xFF, 0) if addr >> 24 == 0 else 0
        return value if now else lambda: value

    def write_ap(self, addr: int, data: int) -> None:
        pass

    def get_memory_interface_for_ap(self, _address: Any) -> SimulatedChip:
        return self.chip
