"""A firmware in Python behind a serial port in Python: what a board would answer, byte for byte.

`FakeBoard` is the firmware (override a method or set a field to script it), `FakePort` the cable
(give it a `damage` function to disturb the bytes). Payloads are packed here by hand, from the table
in docs/decisions/0001, so that the parsers are not judged by their own twin.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable

import numpy as np

from mcu_slm.protocol import Frame, FrameDecoder, encode_frame

HELLO, INFO, INFER, STATS, SELF_TEST, RESET, STREAM, MEANING, INFER_COUNTS, START = range(1, 11)
PREDICTION, BOOT, FAULT, RESULT, STARTED, ERROR = 0x40, 0x41, 0x42, 0x43, 0x44, 0x7F
MODEL_HASH = bytes(range(32))


def string(text: str) -> bytes:
    raw = text.encode()
    return bytes((len(raw),)) + raw


def hello_payload(version: int = 1, board: str = "nucleo_f446re", tool: str = "0.1.0") -> bytes:
    return struct.pack("<H", version) + MODEL_HASH + string(board) + string(tool)


def info_payload(inputs: int, outputs: int, labels: Iterable[str], clock_state: int = 0) -> bytes:
    names = list(labels)
    head = struct.pack("<IBIII", 180_000_000, clock_state, inputs, outputs, 4096)
    return head + bytes((len(names),)) + b"".join(map(string, names))


def prediction_payload(index: int, uptime_ms: int, cycles: int, output: bytes) -> bytes:
    return struct.pack("<III", index, uptime_ms, cycles) + output


def fault_payload(pc: int = 0x0800_1234, cfsr: int = 1 << 25) -> bytes:
    return struct.pack("<7I", pc, 0x0800_4321, cfsr, 1 << 30, 0, 0, 0x2000_0400)


def error_payload(code: int, request: int, text: str = "") -> bytes:
    return bytes((code, request)) + string(text)


class FakeBoard:
    """Answers every request; the "model" negates its input and gives back the first bytes."""

    def __init__(self, input_bytes: int = 12, labels: Iterable[str] = ("still", "walk", "run")):
        self.input_bytes = input_bytes
        self.labels = tuple(labels)
        self.requests: list[Frame] = []
        self.bad_chunks = 0
        self.streaming_ms: int | None = None
        self._decoder = FrameDecoder()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host; return the bytes that the board sends back."""
        sent = b""
        for item in self._decoder.push(data):
            if isinstance(item, Frame):
                self.requests.append(item)
                sent += self.answer(item)
            else:
                self.bad_chunks += 1
                sent += encode_frame(ERROR, 0xEE, error_payload(3, 0, "bad CRC"))
        return sent

    def answer(self, request: Frame) -> bytes:
        """Return the answer's frame, and event frames with it where there are any."""
        payload = self.payload_for(request)
        if payload is None:
            refusal = error_payload(1, request.type, "unknown type")
            return encode_frame(ERROR, request.sequence, refusal)
        return encode_frame(request.type | 0x80, request.sequence, payload)

    def payload_for(self, request: Frame) -> bytes | None:
        if request.type == INFER:
            return struct.pack("<I", 1000) + self.infer(request.payload)
        if request.type == STREAM:
            on, period = struct.unpack("<BH", request.payload)
            self.streaming_ms = period if on else None
        return {
            HELLO: hello_payload(),
            INFO: info_payload(self.input_bytes, len(self.labels), self.labels),
            STATS: struct.pack("<7I", len(self.requests), 0, 0, 512, 2048, 1234, 1000),
            SELF_TEST: struct.pack("<BHHIbb", 1, 8, 0xFFFF, 0, 0, 0),
            RESET: b"",
            STREAM: b"",
        }.get(request.type)

    def infer(self, values: bytes) -> bytes:
        array = np.frombuffer(values, np.int8)
        return np.negative(array[: len(self.labels)]).tobytes()


class FakePort:
    """A serial port with `board` at its other end. Tests that use it take the fixture `clock`.

    Args:
        damage: What the line does to bytes, called with the direction ("to_board", "to_host").
        piece: Largest number of bytes that one read returns.
    """

    def __init__(
        self,
        board: FakeBoard,
        damage: Callable[[str, bytes], bytes] = lambda _, data: data,
        piece: int = 1 << 20,
    ) -> None:
        self.board = board
        self.damage = damage
        self.piece = piece
        self.timeout: float | None = None
        self.baudrate = 115200
        self.incoming = bytearray()
        self.is_plugged = True

    @property
    def in_waiting(self) -> int:
        self._require_plug()
        return min(len(self.incoming), self.piece)

    def read(self, size: int = 1) -> bytes:
        self._require_plug()
        if not self.incoming and self.timeout is not None:
            time.sleep(self.timeout)
        count = min(size, self.piece)
        data = bytes(self.incoming[:count])
        del self.incoming[:count]
        return data

    def write(self, data: bytes) -> int:
        self._require_plug()
        self.send(self.board.receive(self.damage("to_board", data)))
        return len(data)

    def send(self, data: bytes) -> None:
        """Let the board send bytes on its own account."""
        self.incoming += self.damage("to_host", data)

    def close(self) -> None:
        self.is_plugged = False

    def _require_plug(self) -> None:
        if not self.is_plugged:
            raise OSError(5, "Input/output error")


class StallingPort(FakePort):
    """The machine of this port is busy for a minute while it waits for the first answer.

    Args:
        early: How many bytes of the answer come before that minute.
    """

    def __init__(self, board: FakeBoard, early: int = 0, piece: int = 1 << 20) -> None:
        super().__init__(board, piece=piece)
        self.early = early
        self.held_back = b""
        self.has_stalled = False

    def send(self, data: bytes) -> None:
        if self.has_stalled:
            super().send(data)
            return
        super().send(data[: self.early])
        self.held_back += data[self.early :]

    def read(self, size: int = 1) -> bytes:
        data = super().read(size)
        if not data and not self.has_stalled:
            time.sleep(60.0)
            self.has_stalled = True
            self.send(self.held_back)
        return data
