"""How a board's run ended and the next began: faults, causes of a reset, state of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from mcu_slm.protocol.cursor import Cursor

_FAULT_WORDS = 7
_UNIQUE_ID_BYTES = 12


class ResetCause(IntFlag):
    """Why a chip was reset. Several may be set: a chip pulls its own reset pin down, for one."""

    POWER = 1
    PIN = 2
    BROWN_OUT = 4
    SOFTWARE = 8
    WATCHDOG = 16
    WINDOW_WATCHDOG = 32
    LOW_POWER = 64

    @property
    def text(self) -> str:
        """The most telling cause in words."""
        return next((text for cause, text in _CAUSE_TEXTS if self & cause), "a cause not told")


_CAUSE_TEXTS = (
    (ResetCause.WATCHDOG, "the watchdog: the firmware hung"),
    (ResetCause.WINDOW_WATCHDOG, "the window watchdog"),
    (ResetCause.LOW_POWER, "an illegal low-power mode"),
    (ResetCause.SOFTWARE, "software"),
    (ResetCause.POWER, "power-on"),
    (ResetCause.BROWN_OUT, "a brown-out: the supply dropped"),
    (ResetCause.PIN, "the reset pin"),
)


@dataclass(frozen=True)
class Fault:
    """Event: the core faulted. The values are those registers at the fault, 0 where it has none."""

    pc: int
    lr: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int
    sp: int

    @classmethod
    def parse(cls, payload: bytes) -> Fault:
        """Parse a FAULT event."""
        return cls(*Cursor("FAULT", payload).all_u32(_FAULT_WORDS))

    @classmethod
    def read(cls, cursor: Cursor) -> Fault:
        """Read a fault out of a longer payload."""
        return cls(*(cursor.u32() for _ in range(_FAULT_WORDS)))

    @property
    def causes(self) -> tuple[str, ...]:
        """The bits of CFSR and HFSR that are set, by their names in the architecture manual.

        Source: ARMv7-M Architecture Reference Manual, B3.2.15 and B3.2.16.
        """
        names = [name for bit, name in _CFSR_BITS.items() if self.cfsr >> bit & 1]
        names += [name for bit, name in _HFSR_BITS.items() if self.hfsr >> bit & 1]
        return tuple(names)


_CFSR_BITS = {
    0: "IACCVIOL", 1: "DACCVIOL", 3: "MUNSTKERR", 4: "MSTKERR", 5: "MLSPERR",
    8: "IBUSERR", 9: "PRECISERR", 10: "IMPRECISERR", 11: "UNSTKERR", 12: "STKERR", 13: "LSPERR",
    16: "UNDEFINSTR", 17: "INVSTATE", 18: "INVPC", 19: "NOCP", 24: "UNALIGNED", 25: "DIVBYZERO",
}  # fmt: skip
_HFSR_BITS = {1: "VECTTBL", 30: "FORCED"}


@dataclass(frozen=True)
class Start:
    """How a run began, and how the one before it ended.

    `unique_id` is the chip's number in hexadecimal, empty where it tells none. The CRCs are those
    of the model's constants, as compiled and as found in flash. `last_fault` is the fault that
    ended the run before, None where it did not end so.
    """

    reset_causes: ResetCause
    unique_id: str
    constants_crc32: int
    found_crc32: int
    last_fault: Fault | None

    @classmethod
    def parse(cls, payload: bytes) -> Start:
        """Parse an answer to START or a STARTED event."""
        cursor = Cursor("START", payload)
        causes, number = ResetCause(cursor.u8()), cursor.take(_UNIQUE_ID_BYTES)
        crcs = cursor.u32(), cursor.u32()
        fault = Fault.read(cursor) if cursor.flag() else None
        cursor.finish()
        return cls(causes, number.hex() if any(number) else "", *crcs, fault)

    @property
    def constants_intact(self) -> bool:
        """Whether the model's constants in flash are what was compiled."""
        return self.constants_crc32 == self.found_crc32
