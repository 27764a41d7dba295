"""What a core can fault on: the words, the fault status bits, and the error that carries them.

Source: Armv7-M Architecture Reference Manual, B3.2.15 to B3.2.18 (CFSR, HFSR, MMFAR, BFAR).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from mcu_slm.errors import FirmwareFault
from mcu_slm.simulator.symbols import Place

STACKING_BUS_ERROR: Final = 1 << 12  # CFSR.STKERR
FORCED: Final = 1 << 30  # HFSR.FORCED
DEBUG_EVENT: Final = 1 << 31  # HFSR.DEBUGEVT
_BFAR_VALID: Final = 1 << 15


@dataclass(frozen=True)
class _Kind:
    text: str
    cfsr: int
    remedy: str = ""


class Cause(Enum):
    """Why the core faulted."""

    READ_UNMAPPED = _Kind("read of an address where nothing is", 1 << 9 | _BFAR_VALID)
    WRITE_UNMAPPED = _Kind("write to an address where nothing is", 1 << 9 | _BFAR_VALID)
    # The chip's flash ignores such a write and raises a flag; it is a bug all the same.
    WRITE_READ_ONLY = _Kind("write to flash or another read-only memory", 1 << 9 | _BFAR_VALID)
    FETCH_UNMAPPED = _Kind("jump to an address where nothing is", 1 << 8)
    FETCH_NOT_EXECUTABLE = _Kind("jump to memory that holds no code", 1 << 0)
    UNDEFINED = _Kind("undefined instruction", 1 << 16)
    ARM_STATE = _Kind("jump to an even address (INVSTATE: a Thumb address is odd)", 1 << 17)
    BAD_EXCEPTION_RETURN = _Kind("exception return where there is no exception", 1 << 18)
    NO_FPU = _Kind(
        "floating-point instruction before the FPU was switched on",
        1 << 19,
        "Set CP10 and CP11 to full access in CPACR at start-up.",
    )
    UNALIGNED = _Kind("access that must be word-aligned and is not", 1 << 24)
    BREAKPOINT = _Kind("BKPT instruction without a debugger", 0)
    BAD_SVC = _Kind("SVC where its priority does not allow it", 0)
    STACK_OVERFLOW = _Kind(
        "stack overflow",
        1 << 9 | _BFAR_VALID,
        "Give the stack more bytes (stack_bytes in the board file), or use less of it.",
    )
    LOCK_UP = _Kind("lock-up: a fault inside the fault handler", 0)

    @property
    def text(self) -> str:
        """The cause in words."""
        return self.value.text

    @property
    def remedy(self) -> str:
        """What to do about it, where that can be said."""
        return self.value.remedy

    def cfsr(self, is_data_access: bool) -> int:
        """Return the bits of the configurable fault status register."""
        bits = self.value.cfsr
        return bits if is_data_access else bits & ~_BFAR_VALID


@dataclass(frozen=True)
class Fault:
    """One fault as the engine saw it. `address` is the data address, None where there is none."""

    cause: Cause
    pc: int
    address: int | None = None


@dataclass(frozen=True)
class FaultReport:
    """A fault with everything that a reader wants to know."""

    fault: Fault
    firmware: str
    place: Place
    instruction: str
    caller: Place
    stack_pointer: int
    stack_bottom: int | None

    def error(self) -> FirmwareFault:
        """Return the error for the command line."""
        cause, place = self.fault.cause, self.place
        found = cause.text
        if self.fault.address is not None:
            found += f", address 0x{self.fault.address:08x}"
        if cause is Cause.STACK_OVERFLOW and self.stack_bottom is not None:
            lowest = min(self.stack_pointer, self.fault.address or self.stack_pointer)
            found += f", {self.stack_bottom - lowest:,} bytes below the stack's end"
        found += f", at {place}"
        if self.instruction:
            found += f", instruction '{self.instruction}'"
        if self.caller.function:
            found += f", lr {self.caller}"
        return FirmwareFault(
            f"{self.firmware}: {place.function or self.caller.function or 'unknown function'}",
            found,
            remedy=cause.remedy,
            cause=cause.name.lower(),
            pc=self.fault.pc,
            address=self.fault.address,
            function=place.function or self.caller.function,
            line=place.line or self.caller.line,
            instruction=self.instruction,
            lr=self.caller.address,
            sp=self.stack_pointer,
        )
