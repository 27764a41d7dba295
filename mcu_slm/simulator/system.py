"""The private peripheral bus at 0xE0000000: NVIC, SysTick, system control block, cycle counter.

Source: Armv7-M Architecture Reference Manual, B3.2 (system control space), C1.8 (DWT).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcu_slm.simulator.memory_protection import MPU_REGISTERS, MemoryProtection
from mcu_slm.simulator.nvic import FIRST_INTERRUPT, NMI, PENDSV, SYSTICK, Nvic, SysTick

BASE: Final = 0xE0000000
SIZE: Final = 0x100000
_DWT_CTRL, _DWT_CYCCNT = 0x1000, 0x1004
_CPUID, _ICSR, _VTOR, _AIRCR = 0xED00, 0xED04, 0xED08, 0xED0C
_SHPR, _SHCSR, _CFSR, _HFSR = 0xED18, 0xED24, 0xED28, 0xED2C
_MMFAR, _BFAR, _CPACR, _DEMCR = 0xED34, 0xED38, 0xED88, 0xEDFC
_STIR, _FPCCR, _CCSIDR = 0xEF00, 0xEF34, 0xED80
_CCR, _DATA_CACHE_ON = 0xED14, 1 << 16
_SYSRESETREQ: Final = 1 << 2
_FPU_ENABLED: Final = 0xF << 20
_ASPEN: Final = 1 << 31
_TRCENA: Final = 1 << 24
_ICSR_SET: Final = ((31, NMI), (28, PENDSV), (26, SYSTICK))  # (bit, exception)
_ICSR_CLEAR: Final = ((27, PENDSV), (25, SYSTICK))
_CPUIDS: Final = {
    "cortex-m0": 0x410CC200,
    "cortex-m0plus": 0x410CC601,
    "cortex-m3": 0x412FC231,
    "cortex-m4": 0x410FC241,
    "cortex-m7": 0x411FC272,
    "cortex-m33": 0x410FD213,
}

_CACHE_SIZES: Final = {"cortex-m7": 0xF00FE019}  # CCSIDR of a data cache of 16 KiB


class SystemControl:
    """Answers for the registers of the core.

    DWT_CYCCNT counts executed instructions (one clock each, waiting excluded), to the end of the
    block that reads it: a number to compare runs with, not a time.

    Args:
        core: Name of the core, for CPUID.
        vector_table: Where the vector table is after reset.
        nvic: Controller behind the NVIC registers.
        systick: Timer behind the SysTick registers.
        instructions: Gives the number of executed instructions.
        attention: Called when an exception may have become due.
    """

    def __init__(
        self,
        core: str,
        vector_table: int,
        nvic: Nvic,
        systick: SysTick,
        instructions: Callable[[], int],
        attention: Callable[[], None],
    ) -> None:
        self._core = core
        self._nvic = nvic
        self._systick = systick
        self._instructions = instructions
        self._attention = attention
        self.vector_table = vector_table
        self.cfsr = self.hfsr = self.mmfar = self.bfar = 0
        self.reset_requested = False
        self._cycle_base: int | None = None  # instruction count at which CYCCNT was 0; None: halted
        self._cycles_held = 0
        self._protection = MemoryProtection()
        self._plain: dict[int, int] = {_FPCCR: 3 << 30, _CCSIDR: _CACHE_SIZES.get(core, 0)}

    @property
    def fpu_enabled(self) -> bool:
        """Whether CPACR gives access to CP10 and CP11."""
        return self._plain.get(_CPACR, 0) & _FPU_ENABLED == _FPU_ENABLED

    @property
    def stacks_fp_context(self) -> bool:
        """Whether an exception saves the floating-point registers (FPCCR.ASPEN)."""
        return bool(self._plain[_FPCCR] & _ASPEN)

    @property
    def enabled_faults(self) -> int:
        """SHCSR: bits 16, 17, 18 enable MemManage, BusFault, UsageFault."""
        return self._plain.get(_SHCSR, 0)

    def is_cached(self, address: int, size: int) -> bool:
        """Whether the core reads what its data cache holds of some bytes of RAM."""
        has_cache = bool(self._plain[_CCSIDR]) and self._plain.get(_CCR, 0) & _DATA_CACHE_ON
        return bool(has_cache) and not self._protection.is_uncached(address, size)

    def read(self, address: int, size: int) -> int:
        """Read a register; narrow reads take their bytes out of the word."""
        offset = address - BASE
        word = self._read_word(offset & ~3)
        return word >> (8 * (offset & 3)) & ((1 << (8 * size)) - 1)

    def _read_word(self, offset: int) -> int:
        if 0xE100 <= offset < 0xE500 or _SHPR <= offset < _SHPR + 12:
            return self._read_nvic(offset)
        if SysTick.CTRL <= offset <= SysTick.CALIB:
            return self._systick.read(offset)
        if offset in MPU_REGISTERS:
            return self._protection.read(offset)
        active = self._nvic.active[-1] if self._nvic.active else 0
        fixed = {
            _DWT_CYCCNT: self._cycles,
            _CPUID: _CPUIDS[self._core],
            _ICSR: active
            | (PENDSV in self._nvic.pending) << 28
            | (SYSTICK in self._nvic.pending) << 26,
            _VTOR: self.vector_table,
            _AIRCR: 0xFA050000 | self._nvic.group_bits << 8,
            _CFSR: self.cfsr,
            _HFSR: self.hfsr,
            _MMFAR: self.mmfar,
            _BFAR: self.bfar,
        }
        return fixed[offset] if offset in fixed else self._plain.get(offset, 0)

    def _read_nvic(self, offset: int) -> int:
        if offset >= 0xE400:
            first = _first_exception(offset)
            return sum(self._nvic.priority_of(first + n) << 8 * n for n in range(4))
        kind, first = offset & 0xF80, FIRST_INTERRUPT + (offset & 0x7F) * 8
        chosen: set[int] = {
            0x100: self._nvic.enabled,
            0x180: self._nvic.enabled,
            0x200: self._nvic.pending,
            0x280: self._nvic.pending,
            0x300: set(self._nvic.active),
        }.get(kind, set())
        return sum(1 << n for n in range(32) if first + n in chosen)

    def write(self, address: int, size: int, value: int) -> None:
        """Write a register."""
        offset = address - BASE
        if 0xE400 <= offset < 0xE500 or _SHPR <= offset < _SHPR + 12:
            for n in range(size):
                self._nvic.set_priority(_first_exception(offset) + n, value >> 8 * n & 0xFF)
        elif 0xE100 <= offset < 0xE400:
            self._write_nvic(offset, value)
        elif SysTick.CTRL <= offset <= SysTick.CALIB:
            self._systick.write(offset, value)
        elif offset in MPU_REGISTERS:
            self._protection.write(offset, value)
        else:
            self._write_control(offset, value)
        self._attention()

    def _write_nvic(self, offset: int, value: int) -> None:
        kind, first = offset & 0xF80, FIRST_INTERRUPT + (offset & 0x7F) * 8
        numbers = {first + n for n in range(32) if value >> n & 1}
        if kind == 0x100:
            self._nvic.enabled |= numbers
        elif kind == 0x180:
            self._nvic.enabled -= numbers
        elif kind == 0x200:
            self._nvic.pending |= numbers
        elif kind == 0x280:
            self._nvic.pending -= numbers

    def _write_control(self, offset: int, value: int) -> None:
        if offset == _ICSR:
            self._nvic.pending |= {number for bit, number in _ICSR_SET if value >> bit & 1}
            self._nvic.pending -= {number for bit, number in _ICSR_CLEAR if value >> bit & 1}
        elif offset == _VTOR:
            if self._core != "cortex-m0":  # it has none
                self.vector_table = value & ~0x7F
        elif offset == _AIRCR and value >> 16 == 0x05FA:
            self._nvic.group_bits = value >> 8 & 7
            self.reset_requested = bool(value & _SYSRESETREQ)
        elif offset == _CFSR:
            self.cfsr &= ~value
        elif offset == _HFSR:
            self.hfsr &= ~value
        elif offset == _STIR:
            self._nvic.pending.add(FIRST_INTERRUPT + (value & 0x1FF))
        elif offset == _DWT_CYCCNT:
            self._set_cycles(value)
        elif offset not in {_AIRCR, _CPUID}:
            cycles = self._cycles
            self._plain[offset] = value
            if offset in {_DWT_CTRL, _DEMCR}:
                self._set_cycles(cycles)

    @property
    def _cycles(self) -> int:
        if self._cycle_base is None:
            return self._cycles_held
        return (self._instructions() - self._cycle_base) & 0xFFFFFFFF

    def _set_cycles(self, value: int) -> None:
        runs = self._plain.get(_DWT_CTRL, 0) & 1 and self._plain.get(_DEMCR, 0) & _TRCENA
        self._cycles_held = value
        self._cycle_base = self._instructions() - value if runs else None


def _first_exception(offset: int) -> int:
    """Return the exception whose priority byte is at `offset`."""
    return 4 + offset - _SHPR if offset >= _SHPR else FIRST_INTERRUPT + offset - 0xE400
