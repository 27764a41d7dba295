"""The host's side of the conversation, over anything that reads and writes bytes like pyserial."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import DeviceError, FirmwareFault, UsageError
from mcu_slm.protocol.cursor import Cursor
from mcu_slm.protocol.frames import Frame, FrameDecoder, Text, encode_frame
from mcu_slm.protocol.messages import (
    ANSWER_BIT,
    Boot,
    DeviceErrorAnswer,
    ErrorCode,
    Hello,
    Inference,
    Info,
    MessageType,
    Prediction,
    SelfTest,
    Sensor,
    Stats,
)
from mcu_slm.protocol.results import Meaning, Result
from mcu_slm.protocol.starts import Fault, Start

Event = Prediction | Result | Boot | Start | Fault | Text
_EVENT_PARSERS: dict[int, Callable[[bytes], Event]] = {
    MessageType.PREDICTION: Prediction.parse,
    MessageType.RESULT: Result.parse,
    MessageType.BOOT: Boot.parse,
    MessageType.STARTED: Start.parse,
    MessageType.FAULT: Fault.parse,
}
_WORTH_ANOTHER_TRY = (ErrorCode.BAD_CRC, ErrorCode.BUSY)
_ATTEMPTS = 2
_POLL_S = 0.02
_QUIET_S = 0.3  # after this long without a byte, pending bytes are text and not half a frame
_KEPT_EVENTS = 4096
_LATE_READS = 4096  # a TCP port tells of one waiting byte at a time
_BITS_PER_BYTE = 10  # start, 8 data, stop
_USUAL_BAUD = 115200
_SILENCE_REMEDY = (
    "Check that the port is the board's, that the baud rate is the board file's, that TX and RX "
    "are crossed, and press the reset button. A board that was never flashed does not answer."
)


class SerialPort(Protocol):
    """The part of `serial.Serial` that is used."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """Return up to `size` bytes, fewer after `timeout` seconds."""

    def write(self, data: bytes, /) -> int | None:
        """Send all of `data`."""


class Client:
    """Asks a board and hears its events.

    Args:
        port: An open port; its `timeout` is set here.
        timeout: Seconds to wait for an answer, on top of the time that the bytes need on the wire.
        inference_timeout: The same for INFER and SELF_TEST, where the board computes first.

    Raises:
        DeviceError: From every request: no answer, one that does not fit, a refusal, a lost port.
        FirmwareFault: From every request: the board reported a fault while it was waited for.
    """

    def __init__(
        self, port: SerialPort, timeout: float = 2.0, inference_timeout: float = 20.0
    ) -> None:
        self._port = port
        self._port.timeout = _POLL_S
        self._timeout = timeout
        self._inference_timeout = inference_timeout
        self._decoder = FrameDecoder()
        self._sequence = 0
        self._frames: deque[Frame] = deque()
        self._events: deque[Frame | Text] = deque(maxlen=_KEPT_EVENTS)
        self._last_byte_at = time.monotonic()

    def hello(self) -> Hello:
        """Ask who the board is; refuse a firmware of another protocol version."""
        return Hello.parse(self._ask(MessageType.HELLO))

    def info(self) -> Info:
        """Ask what runs on the board."""
        return Info.parse(self._ask(MessageType.INFO))

    def meaning(self) -> Meaning | None:
        """Ask what answers mean; None where the model, or an older firmware, does not say."""
        payload = self._ask_if_known(MessageType.MEANING)
        return None if payload is None else Meaning.parse(payload)

    def start(self) -> Start | None:
        """Ask why the run began and how the one before ended; None from an older firmware."""
        payload = self._ask_if_known(MessageType.START)
        return None if payload is None else Start.parse(payload)

    def infer(self, values: npt.NDArray[np.int8]) -> Inference:
        """Run the model on `values` (any shape, sent in C order)."""
        if values.dtype != np.int8:
            raise UsageError("input of INFER", f"its type is {values.dtype}", "int8")
        payload = np.ascontiguousarray(values).tobytes()
        return Inference.parse(self._ask(MessageType.INFER, payload, self._inference_timeout))

    def infer_counts(self, counts: npt.NDArray[np.int16]) -> Inference:
        """Run the model on raw counts of the sensor, of which the board makes the input.

        Shapes: counts: int16 [T, C], or any that lie in memory so.
        """
        if counts.dtype != np.int16:
            raise UsageError("input of INFER_COUNTS", f"its type is {counts.dtype}", "int16")
        payload = np.ascontiguousarray(counts, "<i2").tobytes()
        return Inference.parse(
            self._ask(MessageType.INFER_COUNTS, payload, self._inference_timeout)
        )

    def stats(self) -> Stats:
        """Ask for the board's counters."""
        return Stats.parse(self._ask(MessageType.STATS))

    def sensor(self) -> Sensor | None:
        """Ask where the windows come from; None from an older firmware."""
        payload = self._ask_if_known(MessageType.SENSOR)
        return None if payload is None else Sensor.parse(payload)

    def samples(self, counts: npt.NDArray[np.int16]) -> int:
        """Send raw counts to a firmware that samples the host; return how many samples it took.

        It takes none while a window waits for its answer. No more than `Sensor.most_samples`.

        Shapes: counts: int16 [samples, channels]
        """
        if counts.dtype != np.int16 or counts.ndim != 2:
            raise UsageError(
                "input of SAMPLES",
                f"{counts.dtype} {list(counts.shape)}",
                "int16 [samples, channels]",
            )
        payload = self._ask(MessageType.SAMPLES, np.ascontiguousarray(counts, "<i2").tobytes())
        cursor = Cursor("SAMPLES", payload)
        taken = cursor.u16()
        cursor.finish()
        if taken > len(counts):
            raise cursor.error(
                f"it took {taken} samples", f"at most the {len(counts)} that were sent"
            )
        return taken

    def self_test(self) -> SelfTest:
        """Run the known-answer test on the board."""
        return SelfTest.parse(self._ask(MessageType.SELF_TEST, b"", self._inference_timeout))

    def reset(self) -> None:
        """Reset the board; it answers first."""
        _expect_empty(MessageType.RESET, self._ask(MessageType.RESET))

    def stream(self, on: bool, period_ms: int = 1000, *, results: bool = False) -> None:
        """Switch PREDICTION events on or off; with `results`, RESULT events where there are any.

        A board that knows no RESULT sends predictions.
        """
        if not 0 <= period_ms <= 0xFFFF:
            raise UsageError("period of STREAM", f"{period_ms} ms", "0 to 65535 ms")
        payload = bytes((2 if on and results else on,)) + period_ms.to_bytes(2, "little")
        _expect_empty(MessageType.STREAM, self._ask(MessageType.STREAM, payload))

    def events(self, seconds: float | None = None) -> Iterator[Event]:
        """Yield events and text as they come, for `seconds` or without end.

        Events that arrived between requests come first. A fault is yielded, not raised. An event
        whose payload does not fit is a `DeviceError`.
        """
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        is_late = False
        while True:
            while self._events:
                item = self._events.popleft()
                yield item if isinstance(item, Text) else _EVENT_PARSERS[item.type](item.payload)
            if is_late:
                return
            is_late = self._receive_until(deadline)
            self._frames.clear()  # answers that nobody waits for any more

    def _ask_if_known(self, request: MessageType) -> bytes | None:
        """Send a request that not every firmware knows; None from those."""
        try:
            return self._ask(request)
        except DeviceError as error:
            if error.values.get("code") == ErrorCode.UNKNOWN_TYPE:
                return None
            raise

    def _ask(
        self, request: MessageType, payload: bytes = b"", timeout: float | None = None
    ) -> bytes:
        """Send a request, again where it or its answer was lost; return the answer's payload."""
        refusal: DeviceErrorAnswer | None = None
        seconds = self._timeout if timeout is None else timeout
        for _ in range(_ATTEMPTS):
            self._sequence = (self._sequence + 1) & 0xFF
            frame = encode_frame(request, self._sequence, payload)
            self._send(frame)
            answer = self._wait(request, seconds + self._seconds_on_wire(len(frame)))
            if isinstance(answer, bytes):
                return answer
            refusal = answer
            if refusal is not None and refusal.code not in _WORTH_ANOTHER_TRY:
                break
        raise _refused(request, refusal) if refusal else _no_answer(request, seconds)

    def _wait(self, request: MessageType, seconds: float) -> bytes | DeviceErrorAnswer | None:
        """Return the payload of the answer, the board's refusal, or None when time is up."""
        deadline = time.monotonic() + seconds
        is_late = False
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame.type == MessageType.ERROR:
                    refusal = DeviceErrorAnswer.parse(frame.payload)
                    if self._concerns_us(frame.sequence, refusal):
                        return refusal
                elif (frame.type, frame.sequence) == (request | ANSWER_BIT, self._sequence):
                    return frame.payload
            self._raise_on_fault(request)
            if is_late:
                return None
            is_late = self._receive_until(deadline)

    def _concerns_us(self, sequence: int, refusal: DeviceErrorAnswer) -> bool:
        """Tell a refusal of this request from one of an earlier request.

        A board that saw a broken frame may have its sequence number wrong. But when the end of the
        last request was lost, it notices only at the start of this one.
        """
        if refusal.code == ErrorCode.BAD_CRC:
            return sequence != (self._sequence - 1) & 0xFF
        return sequence == self._sequence

    def _receive_until(self, deadline: float) -> bool:
        """Read once; past `deadline`, read what lies there already, and return True.

        When the clock is past it, this machine may have been busy and not the board slow.
        """
        if time.monotonic() < deadline:
            self._receive()
            return False
        for _ in range(_LATE_READS):
            if not self._waiting_bytes():
                break
            self._receive()
        return True

    def _waiting_bytes(self) -> int:
        try:
            return self._port.in_waiting
        except OSError as error:
            raise port_lost(error) from error

    def _receive(self) -> None:
        """Read what there is, waiting a moment at most; sort it into frames and events."""
        began = time.monotonic()  # before reading: bytes that came later are not read yet
        count = max(1, self._waiting_bytes())
        try:
            data = self._port.read(count)
        except OSError as error:
            raise port_lost(error) from error
        if data:
            self._last_byte_at = time.monotonic()
            items = self._decoder.push(data)
        elif began - self._last_byte_at > _QUIET_S:
            items = self._decoder.flush()
        else:
            return
        for item in items:
            if isinstance(item, Frame) and item.type not in _EVENT_PARSERS:
                self._frames.append(item)
            else:
                self._events.append(item)

    def _send(self, frame: bytes) -> None:
        try:
            self._port.write(frame)
        except OSError as error:
            raise port_lost(error) from error

    def _seconds_on_wire(self, byte_count: int) -> float:
        """Twice the time that the bytes need at the port's baud rate."""
        baud = getattr(self._port, "baudrate", None) or _USUAL_BAUD
        return 2.0 * byte_count * _BITS_PER_BYTE / baud

    def _raise_on_fault(self, request: MessageType) -> None:
        for item in self._events:
            if isinstance(item, Frame) and item.type == MessageType.FAULT:
                self._events.remove(item)
                raise firmware_fault(Fault.parse(item.payload), request)


def firmware_fault(fault: Fault, request: MessageType | None = None) -> FirmwareFault:
    """Return the error for a fault that a board reported."""
    during = f" during {request.name}" if request is not None else ""
    return FirmwareFault(
        f"board's firmware{during}",
        f"it faulted at pc 0x{fault.pc:08x}, called from lr 0x{fault.lr:08x} "
        f"({' '.join(fault.causes) or 'no cause bit set'})",
        remedy="Look both addresses up in firmware.elf with addr2line.",
        fault=fault,
        **vars(fault),
    )


def _refused(request: MessageType, refusal: DeviceErrorAnswer) -> DeviceError:
    remedies: dict[int, str] = {
        ErrorCode.SELF_TEST_FAILED: "The board computes wrong bytes: flash and self-test it again.",
        ErrorCode.CONSTANTS_DAMAGED: "Flash it again; where that does not last, replace the chip.",
        ErrorCode.WRONG_LENGTH: "Another model is flashed: compare the sizes that INFO reports.",
        ErrorCode.UNKNOWN_TYPE: "Flash firmware that this version of mcu-slm builds.",
        ErrorCode.BAD_CRC: "The line is disturbed: try a shorter cable or a lower baud rate.",
        ErrorCode.BUSY: "Wait until the board is done, or reset it.",
    }
    text = f' ("{refusal.text}")' if refusal.text else ""
    return DeviceError(
        f"board's answer to {request.name}",
        f"it refused: {refusal.reason}{text}",
        remedy=remedies.get(refusal.code, "Flash firmware that this version of mcu-slm builds."),
        code=refusal.code,
        request_type=refusal.request_type,
    )


def _no_answer(request: MessageType, seconds: float) -> DeviceError:
    return DeviceError(
        f"board's answer to {request.name}",
        f"none came within {seconds:g} s, asked {_ATTEMPTS} times",
        remedy=_SILENCE_REMEDY,
        seconds=seconds,
    )


def port_lost(error: OSError) -> DeviceError:
    """Return the error for a port that went away; its values have `port_lost`."""
    return DeviceError(
        "serial port",
        f"it went away while in use ({error})",
        remedy="Plug the board in again, and close other programs that use the port.",
        port_lost=True,
    )


def _expect_empty(request: MessageType, payload: bytes) -> None:
    if payload:
        raise DeviceError(
            f"board's answer to {request.name}",
            f"it has {len(payload)} bytes",
            "none",
            "Flash the board again with the firmware that this version of mcu-slm builds.",
        )
