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
_SHORT_STATS_WORDS, _STATS_WORDS = 7, 14
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
    START = 0x0A
    SENSOR = 0x0B
    SAMPLES = 0x0C
    PREDICTION = 0x40
    BOOT = 0x41
    FAULT = 0x42
    RESULT = 0x43
    STARTED = 0x44
    ERROR = 0x7F


class ErrorCode(IntEnum):
    """Why the board refused a request."""

    UNKNOWN_TYPE = 1
    WRONG_LENGTH = 2
    BAD_CRC = 3
    SELF_TEST_FAILED = 4
    BUSY = 5
    CONSTANTS_DAMAGED = 6


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
    """Counters since the board's start. Units: bytes, milliseconds, core cycles.

    From `samples` on they tell of a sensor that samples, and are 0 for others: samples taken and
    lost, windows handed out, windows passed over as nobody wanted them, times that the sensor did
    not answer, and the time from a window's last sample to the answer that was sent.
    """

    inferences: int
    bad_frames: int
    receive_overruns: int
    stack_used_bytes: int
    stack_reserved_bytes: int
    uptime_ms: int
    last_cycles: int
    samples: int = 0
    lost_samples: int = 0
    windows: int = 0
    passed_windows: int = 0
    sensor_errors: int = 0
    latency_cycles: int = 0
    worst_latency_cycles: int = 0

    @classmethod
    def parse(cls, payload: bytes) -> Stats:
        """Parse an answer to STATS."""
        count = _STATS_WORDS if len(payload) > 4 * _SHORT_STATS_WORDS else _SHORT_STATS_WORDS
        return cls(*Cursor("STATS", payload).all_u32(count))


@dataclass(frozen=True)
class Sensor:
    """Where a firmware's windows come from. Units: samples, hertz.

    `channels` and `window_samples` are 0 where no samples are put together, `rate_hz` where the
    model does not say it. `most_samples` is how many one SAMPLES request may have, 0 where the
    firmware does not take them from the host.
    """

    name: str
    rate_hz: float
    channels: int
    window_samples: int
    hop_samples: int
    most_samples: int

    @classmethod
    def parse(cls, payload: bytes) -> Sensor:
        """Parse an answer to SENSOR."""
        cursor = Cursor("SENSOR", payload)
        name, rate_hz, channels = cursor.string(), cursor.u32() / 1000, cursor.u16()
        sensor = cls(name, rate_hz, channels, cursor.u32(), cursor.u32(), cursor.u16())
        cursor.finish()
        return sensor


@dataclass(frozen=True)
class SelfTest:
    """Result of the self-test. The last four fields mean something only where it failed.

    Where it failed and no vector did, the model's constants in flash are damaged all the same: at a
    place that these vectors do not show.
    """

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
        if passed and failing != NO_VECTOR:
            raise cursor.error(
                f"it says passed={passed} and first failing vector {failing}",
                f"no failing vector ({NO_VECTOR})",
            )
        first = None if failing == NO_VECTOR else failing
        return cls(passed, vectors, first, element, expected, found)


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
