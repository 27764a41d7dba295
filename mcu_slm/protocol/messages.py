"""Message types, and one frozen dataclass per answer and event.

Every `parse` takes the payload of a frame. A payload that is too short, too long or means nothing
is a `DeviceError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import DeviceError
from mcu_slm.protocol.cursor import REFLASH, Cursor

PROTOCOL_VERSION = 1
ANSWER_BIT = 0x80
NO_VECTOR = 0xFFFF  # SELF_TEST: no vector failed


class MessageType(IntEnum):
    """Requests of the host, events of the board, and the error answer."""

    HELLO = 0x01
    INFO = 0x02
    INFER = 0x03
    STATS = 0x04
    SELF_TEST = 0x05
    RESET = 0x06
    STREAM = 0x07
    MEANING = 0x08
    INFER_COUNTS = 0x09
    PREDICTION = 0x40
    BOOT = 0x41
    FAULT = 0x42
    RESULT = 0x43
    ERROR = 0x7F


class ErrorCode(IntEnum):
    """Why the board refused a request."""

    UNKNOWN_TYPE = 1
    WRONG_LENGTH = 2
    BAD_CRC = 3
    SELF_TEST_FAILED = 4
    BUSY = 5


class ClockState(IntEnum):
    """Whether the board's clock came up as its board file says."""

    FULL_SPEED = 0
    RESET_CLOCK = 1


@dataclass(frozen=True)
class Hello:
    """Who the board is."""

    protocol_version: int
    model_sha256: str
    board: str
    tool_version: str

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Parse an answer to HELLO; refuse other protocol versions before reading on."""
        cursor = Cursor("HELLO", payload)
        hello = cls._read(cursor)
        cursor.finish()
        return hello

    @classmethod
    def _read(cls, cursor: Cursor) -> Hello:
        version = cursor.u16()
        if version != PROTOCOL_VERSION:
            raise DeviceError(
                "board's answer to HELLO",
                f"the firmware speaks protocol version {version}",
                f"version {PROTOCOL_VERSION}, the one of this mcu-slm",
                REFLASH,
                board_version=version,
                host_version=PROTOCOL_VERSION,
            )
        return cls(version, cursor.take(32).hex(), cursor.string(), cursor.string())


@dataclass(frozen=True)
class Info:
    """What runs on the board. Units: Hz, bytes."""

    core_clock_hz: int
    clock_state: ClockState
    input_bytes: int
    output_bytes: int
    arena_bytes: int
    labels: tuple[str, ...]

    @classmethod
    def parse(cls, payload: bytes) -> Info:
        """Parse an answer to INFO."""
        cursor = Cursor("INFO", payload)
        clock_hz, state = cursor.u32(), cursor.u8()
        if state not in set(ClockState):
            raise cursor.error(f"clock state is {state}", "0 or 1")
        sizes = cursor.u32(), cursor.u32(), cursor.u32()
        labels = tuple(cursor.string() for _ in range(cursor.u8()))
        cursor.finish()
        return cls(clock_hz, ClockState(state), *sizes, labels)


@dataclass(frozen=True, eq=False)
class Inference:
    """One answer of the model. `cycles` is 0 where the core has no cycle counter.

    Shapes: output: int8 [output_bytes]
    """

    cycles: int
    output: npt.NDArray[np.int8]

    @classmethod
    def parse(cls, payload: bytes) -> Inference:
        """Parse an answer to INFER."""
        cursor = Cursor("INFER", payload)
        return cls(cursor.u32(), cursor.int8_rest())


@dataclass(frozen=True)
class Stats:
    """Counters since the board's start. Units: bytes, milliseconds, core cycles."""

    inferences: int
    bad_frames: int
    receive_overruns: int
    stack_used_bytes: int
    stack_reserved_bytes: int
    uptime_ms: int
    last_cycles: int

    @classmethod
    def parse(cls, payload: bytes) -> Stats:
        """Parse an answer to STATS."""
        return cls(*Cursor("STATS", payload).all_u32(7))


@dataclass(frozen=True)
class SelfTest:
    """Result of the known-answer test. The last four fields mean something only where it failed."""

    passed: bool
    vectors: int
    first_failing_vector: int | None
    first_failing_element: int
    expected: int
    found: int

    @classmethod
    def parse(cls, payload: bytes) -> SelfTest:
        """Parse an answer to SELF_TEST."""
        cursor = Cursor("SELF_TEST", payload)
        passed, vectors, failing = cursor.flag(), cursor.u16(), cursor.u16()
        element, expected, found = cursor.u32(), cursor.i8(), cursor.i8()
        cursor.finish()
        if passed != (failing == NO_VECTOR):
            raise cursor.error(
                f"it says passed={passed} and first failing vector {failing}",
                f"a failing vector below {NO_VECTOR} exactly when it failed",
            )
        return cls(passed, vectors, None if passed else failing, element, expected, found)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Event: the model's answer to one window of the board's sensor.

    Shapes: output: int8 [output_bytes]
    """

    index: int
    uptime_ms: int
    cycles: int
    output: npt.NDArray[np.int8]

    @classmethod
    def parse(cls, payload: bytes) -> Prediction:
        """Parse a PREDICTION event."""
        cursor = Cursor("PREDICTION", payload)
        return cls(cursor.u32(), cursor.u32(), cursor.u32(), cursor.int8_rest())


@dataclass(frozen=True)
class Boot:
    """Event: the board started and ran its known-answer test."""

    hello: Hello
    self_test_passed: bool

    @classmethod
    def parse(cls, payload: bytes) -> Boot:
        """Parse a BOOT event."""
        cursor = Cursor("BOOT", payload)
        boot = cls(Hello._read(cursor), cursor.flag())
        cursor.finish()
        return boot


@dataclass(frozen=True)
class Fault:
    """Event: the core faulted. The values are those registers at the fault."""

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
        return cls(*Cursor("FAULT", payload).all_u32(7))

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
class DeviceErrorAnswer:
    """The board's refusal of a request. `code` is an `ErrorCode` where this version knows it."""

    code: int
    request_type: int
    text: str

    @classmethod
    def parse(cls, payload: bytes) -> DeviceErrorAnswer:
        """Parse an ERROR answer."""
        cursor = Cursor("ERROR", payload)
        answer = cls(cursor.u8(), cursor.u8(), cursor.string())
        cursor.finish()
        return answer

    @property
    def reason(self) -> str:
        """The code in words."""
        names = {code.value: code.name.lower().replace("_", " ") for code in ErrorCode}
        return names.get(self.code, f"code {self.code}")
